import { readdirSync } from "node:fs";
import { join } from "node:path";
import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { edgeSettings } from "../../../edge-side/config/edge-config.ts";
import { LONGEST_SOCKET_PATH } from "../../../protocol/config/admin-settings.ts";
import { ConfigError, parseConfig, type Surroundings } from "../../../protocol/config/parse-config.ts";
import { printHostPort } from "../../../protocol/config/units.ts";
import { secretText } from "../../../protocol/transport/key.ts";
import {
  expectedProblems,
  FIXTURE_SECRET,
  fixtureError,
  fixturesIn,
  MADE_UP,
  parseFixture,
} from "../../kit/config-fixtures.ts";

const VALID = fixturesIn("valid", "edge");
const INVALID = fixturesIn("invalid", "edge");

const named = (name: string, schemaFor = edgeSettings) => {
  const fixture = VALID.find((each) => each.name === name);
  if (fixture === undefined) throw new Error(`no fixture ${name}`);
  return parseFixture(fixture, schemaFor);
};

it("all fixtures were found", () => {
  const folders = join(import.meta.dirname, "..", "..", "fixtures", "config");
  expect([VALID.length, INVALID.length]).toEqual([12, 62]);
  expect(readdirSync(join(folders, "valid", "edge"))).toHaveLength(VALID.length);
  expect(readdirSync(join(folders, "invalid", "edge"))).toHaveLength(INVALID.length);
});

describe("a valid edge.yaml", () => {
  it.each(VALID)("$name", (fixture) => {
    expect(() => parseFixture(fixture, edgeSettings)).not.toThrow();
  });

  it.each(["[::]", "0.0.0.0"])("listens where nothing is said at every address: %s", (everyAddress) => {
    const near = (surroundings: Surroundings) => edgeSettings({ ...surroundings, everyAddress });
    const { visitors, tunnel } = named("shortest", near);
    expect([visitors[0]?.listen, tunnel?.listen].map((at) => at && printHostPort(at))).toEqual([
      `${everyAddress}:8080`,
      `${everyAddress}:7443`,
    ]);
  });

  it("has a default for every setting but keys, and the written-out ones are those", () => {
    expect(named("every-setting-at-its-default")).toEqual(named("shortest"));
    expect(named("shortest")).toEqual({
      visitors: [
        {
          listen: { host: "0.0.0.0", port: 8080 },
          tls: undefined,
          compress: true,
          reusePort: false,
          underscores: "drop",
          redirect: "off",
          proxyProtocol: "off",
        },
      ],
      tunnel: { mode: "psk", listen: { host: "0.0.0.0", port: 7443 } },
      keys: [
        {
          key: { id: "www-example-com-3f2a", secret: expect.anything() },
          hosts: [
            {
              host: "www.example.com",
              bases: "session",
              harmlessCookies: [],
              credentialHeaders: [],
              commonBases: true,
              compressRequests: true,
              connectProtocols: [],
              deltas: "on",
              dictionaries: "auto",
              frontHeedsVary: false,
              errorPage: undefined,
              fallback: undefined,
            },
          ],
          links: 64,
          weight: 1,
          addresses: [],
        },
      ],
      hosts: [],
      proxyStatus: false,
      store: {
        sizeBytes: 256 * 2 ** 20,
        sessionMs: 3_600_000,
        noStoreMs: 600_000,
        fileSizeBytes: 2 * 2 ** 30,
        sessions: "memory",
      },
      memory: { budgetBytes: 128 * 2 ** 20, perKeyBytes: 64 * 2 ** 20 },
      limits: {
        pageBytes: 8 * 2 ** 20,
        headBytes: 64 * 2 ** 10,
        targetBytes: 16 * 2 ** 10,
        bodyBytes: undefined,
        streamsPerLink: 1_000,
        visitors: 10_000,
        pendingLinksPerAddress: 16,
      },
      times: {
        originAnswerMs: 60_000,
        keepAliveMs: 125_000,
        idleMs: 60_000,
        linkMs: 5_000,
        heartbeatMs: 1_000,
        drainMs: 30_000,
        drainStreamsMs: 2_000,
      },
      defaultHost: undefined,
      trustedProxies: [],
      accessLog: { target: { to: "off" }, format: "json", userAgent: false },
      log: { level: "info", format: "auto" },
      admin: [],
      hostMetrics: false,
    });
  });

  it("has the defaults where a block is empty", () => {
    expect(named("blocks-with-nothing-in-them")).toEqual(named("shortest"));
  });

  it("may have the secret in a file", () => {
    const secrets = named("a-key-is-being-replaced").keys.map(({ key }) => secretText(key.secret));
    expect(secrets).toEqual([FIXTURE_SECRET, FIXTURE_SECRET]);
  });

  it("reads the files of the certificate mode", () => {
    const { tunnel } = named("certificate-mode");
    if (tunnel?.mode !== "certificate") throw new Error(tunnel?.mode);
    expect(tunnel).toMatchObject({ listen: { host: "::", port: 443 }, behindBalancer: true });
    expect(tunnel.certificate.path).toBe("/etc/coilgun/tls/edge.pem");
    expect(tunnel.privateKey.path).toBe("/etc/coilgun/tls/edge-key.pem");
  });

  it("may have several listeners, and HTTPS on them", () => {
    const { visitors, limits } = named("http-and-https");
    expect(visitors).toMatchObject([
      { listen: { port: 8080 }, tls: undefined, compress: true, reusePort: false, underscores: "drop" },
      {
        listen: { port: 8443 },
        tls: { certificates: [{ certificate: { path: "/etc/coilgun/tls/site.pem" } }], hsts: undefined },
        compress: false,
      },
    ]);
    expect(visitors[1]?.tls?.certificates[0]?.privateKey.path).toBe("/etc/coilgun/tls/site-key.pem");
    expect(limits.bodyBytes).toBe(64 * 2 ** 20);
  });

  it.each([
    ["1y", "max-age=31536000"],
    ["180d", "max-age=15552000"],
    ["300s", "max-age=300"],
    ["0s", "max-age=0"],
    ["180d includeSubDomains", "max-age=15552000; includeSubDomains"],
    ["365d includeSubDomains preload", "max-age=31536000; includeSubDomains; preload"],
    ["364d includeSubDomains preload", undefined],
    ["1y preload", undefined],
    ["100y", "max-age=3153600000"],
    ["101y", undefined],
    ["1.5y", undefined],
    ["500ms", undefined],
    ["1y  includeSubDomains", undefined],
  ])("takes hsts: %s for %s", (written, value) => {
    const [fixture] = fixturesIn("valid", "edge").filter(
      ({ name }) => name === "what-other-fixtures-leave-out",
    );
    const text = (fixture?.text ?? "").replace("2y includeSubDomains preload", written);
    const read = () => parseFixture({ name: "hsts", text }, edgeSettings).visitors[1]?.tls?.hsts;
    if (value === undefined) expect(read).toThrow("hsts");
    else expect(read()).toBe(value);
  });

  it("brings names into the form in which they travel", () => {
    const config = named("hosts-with-policies");
    expect(config.keys[0]?.hosts).toMatchObject([
      { host: "www.example.com", bases: "session" },
      { host: "xn--bcher-kva.example", bases: "site" },
      {
        host: "shop.example.com",
        bases: "url",
        harmlessCookies: ["my_ab_*"],
        credentialHeaders: ["x-api-key"],
      },
      { host: "127.0.0.1", bases: "session", commonBases: false },
      { host: "[::1]" },
    ]);
    expect(config.trustedProxies.map(({ prefix }) => prefix)).toEqual([8, 32, 32]);
    expect(config.accessLog.target).toEqual({ to: "file", path: "/etc/coilgun/log/access.log" });
    expect(config.admin).toEqual([{ path: "/etc/coilgun/edge.sock" }]);
  });

  it("prints no secret and no private key, however it is printed", () => {
    for (const name of ["shortest", "certificate-mode", "a-key-is-being-replaced", "http-and-https"]) {
      const config = named(name);
      const printed = `${inspect(config, { depth: 20, showHidden: true, getters: false })}${JSON.stringify(config)}`;
      expect(printed).not.toContain(FIXTURE_SECRET.slice(5));
      expect(printed).not.toContain("BEGIN");
    }
  });
});

describe("an invalid edge.yaml", () => {
  it.each(INVALID)("$name", (fixture) => {
    const expected = expectedProblems(fixture);
    const error = fixtureError(fixture, edgeSettings);
    expect(error).toBeInstanceOf(ConfigError);
    expect(error?.problems.map(({ line, column }) => `${line}:${column}`)).toEqual(
      expected.map(({ place }) => place),
    );
    for (const [index, { part }] of expected.entries()) {
      expect(part).not.toBe("");
      expect(error?.problems[index]?.message).toContain(part);
    }
    expect(error?.message).not.toMatch(/AAECAw/);
  });
});

describe("limits of the edge's own", () => {
  const withAdmin = (path: string) => {
    const text = `keys: [{ id: k, secret: ${FIXTURE_SECRET}, hosts: [a.example] }]\nadmin: ${path}`;
    return () => parseConfig({ file: "edge.yaml", text, schema: edgeSettings(MADE_UP) });
  };
  const folder = MADE_UP.pathOf("").length + 1;

  it("a unix socket's path may be as long as systems allow", () => {
    expect(withAdmin("a".repeat(LONGEST_SOCKET_PATH - folder))).not.toThrow();
  });

  it("and not longer", () => {
    expect(withAdmin("a".repeat(LONGEST_SOCKET_PATH - folder + 1))).toThrow(/no unix socket can have/);
  });

  it("a port alone is no socket's name", () => {
    expect(withAdmin('"7480"')).toThrow(/has no address; write 127\.0\.0\.1:7480, or \.\/7480 for a socket/);
  });
});
