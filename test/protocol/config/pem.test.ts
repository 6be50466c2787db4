/** A certificate or key that TLS could not use is a problem of the setting that names it, in our words, with the line. */
import { generateKeyPairSync } from "node:crypto";
import { describe, expect, it } from "vitest";
import { edgeSettings } from "../../../edge-side/config/edge-config.ts";
import { originSettings } from "../../../origin-side/config/origin-config.ts";
import { ConfigError, parseConfig, type Surroundings } from "../../../protocol/config/parse-config.ts";
import { makeAuthority } from "../../kit/certificates.ts";
import { FIXTURE_SECRET } from "../../kit/config-fixtures.ts";

const authority = makeAuthority();
const good = authority.issue({ name: "www.example.com" });
const other = authority.issue({ name: "other.example.com" });
const cut = (pem: string) => pem.slice(0, pem.length / 2);
const chain = good.certificate + authority.certificate;
const locked = generateKeyPairSync("rsa", {
  modulusLength: 2048,
  publicKeyEncoding: { type: "spki", format: "pem" },
  privateKeyEncoding: { type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "open sesame" },
}).privateKey;

const near = (files: Readonly<Record<string, string>>): Surroundings => ({
  pathOf: (name) => `/etc/coilgun/${name}`,
  everyAddress: "0.0.0.0",
  read: (path) => Buffer.from(files[path.replace("/etc/coilgun/", "")] ?? ""),
});

const problemsOf = (run: () => unknown): string[] => {
  try {
    run();
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map(({ line, message }) => `${line} ${message}`);
    throw error;
  }
};

const KEYS = `keys: [{ id: k, secret: ${FIXTURE_SECRET}, hosts: [a.example] }]`;
const HTTPS = "visitors:\n  listen: 0.0.0.0:8443\n  certificate: site.pem\n  privateKey: site.key\n";
const TUNNEL =
  "tunnel:\n  mode: certificate\n  certificate: site.pem\n  privateKey: site.key\n  clientAuthorities: ca.pem\n";

const edge = (text: string, files: Readonly<Record<string, string>>) =>
  problemsOf(() => parseConfig({ file: "edge.yaml", text: text + KEYS, schema: edgeSettings(near(files)) }));

describe("a certificate with its key", () => {
  it.each([
    ["alone", good.certificate, good.privateKey],
    ["with its chain, and text between", `# ours\n${chain}`, good.privateKey],
    ["in one file", good.privateKey + good.certificate, good.privateKey + good.certificate],
  ])("is taken %s", (_, certificate, key) => {
    expect(edge(HTTPS, { "site.pem": certificate, "site.key": key })).toEqual([]);
  });

  it.each([
    [
      "a certificate that is cut short",
      cut(good.certificate),
      good.privateKey,
      /^3 visitors.*certificate names .*site\.pem.*cut short/,
    ],
    ["a chain that is cut short", cut(chain), good.privateKey, /^3 visitors.*certificate/],
    [
      "a chain whose second is damaged",
      good.certificate + cut(authority.certificate),
      good.privateKey,
      /^3 .*number 2 of its certificates/,
    ],
    ["no certificate", "nothing", good.privateKey, /^3 .*holds no certificate in PEM/],
    [
      "the key in its place",
      good.privateKey,
      good.privateKey,
      /^3 .*holds a private key; name the file with the certificate/,
    ],
    [
      "a key that is cut short",
      good.certificate,
      cut(good.privateKey),
      /^4 visitors.*privateKey names .*site\.key.*cut short/,
    ],
    ["no key", good.certificate, "", /^4 .*holds no private key in PEM/],
    [
      "the certificate in the key's place",
      good.certificate,
      good.certificate,
      /^4 .*holds a certificate; name the file with its private key/,
    ],
    ["a key with a passphrase", good.certificate, locked, /^4 .*locked by a passphrase.*openssl pkey/],
    [
      "another certificate's key",
      good.certificate,
      other.privateKey,
      /^4 .*does not belong to the certificate in .*site\.pem/,
    ],
  ])(
    "is refused with %s, by setting, file and line, without OpenSSL's words",
    (_, certificate, key, said) => {
      const problems = edge(HTTPS, { "site.pem": certificate, "site.key": key });
      expect(problems).toHaveLength(1);
      expect(problems[0]).toMatch(said);
      expect(problems[0]).not.toMatch(/routines|asn1|error:|ERR_|PEM_read/i);
    },
  );
});

it("is looked at for the tunnel, its authorities, and what the origin side dials with", () => {
  const files = { "site.pem": good.certificate, "site.key": other.privateKey, "ca.pem": "" };
  expect(edge(TUNNEL, files)).toEqual([
    expect.stringMatching(/^5 tunnel\.clientAuthorities .*no certificate/),
  ]);
  expect(edge(TUNNEL, { ...files, "ca.pem": authority.certificate })).toEqual([
    expect.stringMatching(/^4 tunnel\.privateKey .*does not belong/),
  ]);
  const origin = `edges:
  - address: edge.example:7443
    mode: certificate
    authorities: ca.pem
    client: { certificate: site.pem, privateKey: site.key }
    key: { id: k, secret: ${FIXTURE_SECRET} }
routes: [{ host: a.example, origin: "https://b.example", tls: { authorities: ca.pem } }]`;
  const problems = problemsOf(() =>
    parseConfig({ file: "origin.yaml", text: origin, schema: originSettings(near(files)) }),
  );
  expect(problems).toEqual([
    expect.stringMatching(/^4 edges\[0\]\.authorities .*no certificate/),
    expect.stringMatching(/^5 edges\[0\]\.client\.privateKey .*does not belong/),
    expect.stringMatching(/^7 routes\[0\]\.tls\.authorities .*no certificate/),
  ]);
});
