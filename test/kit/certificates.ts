/**
 * A certificate authority for tests, made when a test runs, so that no private key is committed and none expires.
 * node:crypto signs but does not build certificates, so the few DER pieces of RFC 5280 that TLS needs are written
 * here; Node's own X509Certificate reads them back in the tests. Needs no package and no openssl on the machine.
 */
import { generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto";
import { isIPv4 } from "node:net";

/** PEM texts, as the daemons' config files name them. */
export interface CertificatePair {
  readonly certificate: string;
  readonly privateKey: string;
}

interface Leaf {
  /** Subject common name; also the only DNS name or IPv4 address unless `names` is given. */
  readonly name: string;
  readonly names?: readonly string[];
  /** Validity in days around now; defaults to a day back and a day ahead. */
  readonly fromDays?: number;
  readonly untilDays?: number;
}

export interface Authority {
  /** The authority's own certificate, PEM. */
  readonly certificate: string;
  issue(leaf: Leaf): CertificatePair;
}

const DAY_MS = 86_400_000;

const der = (tag: number, ...parts: readonly Uint8Array[]): Buffer => {
  const content = Buffer.concat(parts);
  const size: number[] = [];
  for (let left = content.length; left > 0; left >>>= 8) size.unshift(left & 0xff);
  const head = content.length < 0x80 ? [tag, content.length] : [tag, 0x80 | size.length, ...size];
  return Buffer.concat([Buffer.from(head), content]);
};

const sequence = (...parts: readonly Uint8Array[]) => der(0x30, ...parts);
const integer = (bytes: Uint8Array) => der(0x02, bytes);
const octets = (bytes: Uint8Array) => der(0x04, bytes);
const bitString = (bytes: Uint8Array) => der(0x03, Buffer.of(0), bytes);
const oid = (hex: string) => der(0x06, Buffer.from(hex, "hex"));
const isTrue = der(0x01, Buffer.of(0xff));
const commonName = (text: string) =>
  sequence(der(0x31, sequence(oid("550403"), der(0x0c, Buffer.from(text)))));
// GeneralizedTime, RFC 5280 section 4.1.2.5.2; UTCTime is only *required* before 2050, and OpenSSL reads both.
const time = (ms: number) =>
  der(
    0x18,
    Buffer.from(
      `${new Date(ms)
        .toISOString()
        .replace(/[-:T]|\.\d+/g, "")
        .slice(0, 14)}Z`,
    ),
  );
const extension = (id: string, critical: boolean, value: Buffer) =>
  sequence(oid(id), ...(critical ? [isTrue] : []), octets(value));

const ECDSA_WITH_SHA256 = sequence(oid("2a8648ce3d040302"));

const basicConstraints = (authority: boolean) =>
  extension("551d13", true, sequence(...(authority ? [isTrue] : [])));
const subjectNames = (names: readonly string[]) =>
  extension(
    "551d11",
    false,
    sequence(
      ...names.map((name) =>
        isIPv4(name) ? der(0x87, Buffer.from(name.split(".").map(Number))) : der(0x82, Buffer.from(name)),
      ),
    ),
  );

const pem = (label: string, bytes: Buffer): string =>
  `-----BEGIN ${label}-----\n${bytes.toString("base64").replace(/.{1,64}/g, "$&\n")}-----END ${label}-----\n`;

const certify = (wanted: {
  readonly issuer: string;
  readonly issuerKey: KeyObject;
  readonly subject: string;
  readonly subjectKey: KeyObject;
  readonly fromMs: number;
  readonly untilMs: number;
  readonly extensions: readonly Buffer[];
}): string => {
  const body = sequence(
    der(0xa0, integer(Buffer.of(2))), // version 3
    integer(Buffer.concat([Buffer.of(1), randomBytes(15)])),
    ECDSA_WITH_SHA256,
    commonName(wanted.issuer),
    sequence(time(wanted.fromMs), time(wanted.untilMs)),
    commonName(wanted.subject),
    wanted.subjectKey.export({ type: "spki", format: "der" }),
    der(0xa3, sequence(...wanted.extensions)),
  );
  const signature = sign("sha256", body, wanted.issuerKey);
  return pem("CERTIFICATE", sequence(body, ECDSA_WITH_SHA256, bitString(signature)));
};

/** A fresh authority; two of them with the same name trust nothing of each other. */
export const makeAuthority = (name = "Coilgun test authority"): Authority => {
  const own = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const now = Date.now();
  const certificate = certify({
    issuer: name,
    issuerKey: own.privateKey,
    subject: name,
    subjectKey: own.publicKey,
    fromMs: now - 2 * DAY_MS,
    untilMs: now + 2 * DAY_MS,
    extensions: [basicConstraints(true)],
  });
  return {
    certificate,
    issue(leaf) {
      const pair = generateKeyPairSync("ec", { namedCurve: "P-256" });
      return {
        certificate: certify({
          issuer: name,
          issuerKey: own.privateKey,
          subject: leaf.name,
          subjectKey: pair.publicKey,
          fromMs: now + (leaf.fromDays ?? -1) * DAY_MS,
          untilMs: now + (leaf.untilDays ?? 1) * DAY_MS,
          extensions: [basicConstraints(false), subjectNames(leaf.names ?? [leaf.name])],
        }),
        privateKey: pair.privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
      };
    },
  };
};
