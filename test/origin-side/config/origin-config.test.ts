import { readdirSync } from "node:fs";
import { join } from "node:path";
import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { dialSecurity, originSettings } from "../../../origin-side/config/origin-config.ts";
import { ConfigError } from "../../../protocol/config/parse-config.ts";
import { printUpstreamAddress } from "../../../protocol/upstream/upstream-address.ts";
import {
  expectedProblems,
  FIXTURE_SECRET,
  fixtureError,
  fixturesIn,
  parseFixture,
} from "../../kit/config-fixtures.ts";

const VALID = fixturesIn("valid", "origin");
const INVALID = fixturesIn("invalid", "origin");

const named = (name: string) => {
  const fixture = VALID.find((each) => each.name === name);
  if (fixture === undefined) throw new Error(`no fixture ${name}`);
  return parseFixture(fixture, originSettings);
};

it("all fixtures were found", () => {
  const folders = join(import.meta.dirname, "..", "..", "fixtures", "config");
  expect([VALID.length, INVALID.length]).toEqual([7, 25]);
  expect(readdirSync(join(folders, "valid", "origin"))).toHaveLength(VALID.length);
  expect(readdirSync(join(folders, "invalid", "origin"))).toHaveLength(INVALID.length);
});

describe("a valid origin.yaml", () => {
  it.each(VALID)("$name", (fixture) => {
    expect(() => parseFixture(fixture, originSettings)).not.toThrow();
  });

  it("has a default for every setting but edges and routes, and the written-out ones are those", () => {
    expect(named("every-setting-at-its-default")).toEqual(named("shortest"));
    expect(named("shortest")).toEqual({
      edges: [
        {
          address: { host: "edge.example.com", port: 7443 },
          key: { id: "www-example-com-3f2a", secret: expect.anything() },
          connections: 2,
          wire: { mode: "psk" },
        },
      ],
      routes: [
        {
          host: "www.example.com",
          path: "/",
          origin: { scheme: "http", address: { host: "127.0.0.1", port: 3000 } },
          tls: undefined,
          protocol: "http1",
          hostHeader: { kind: "keep" },
          connectMs: 5_000,
          answerMs: 60_000,
          idleMs: 60_000,
          connections: 128,
          queueMs: 5_000,
          openStreams: 4_096,
          restMs: 4_000,
          ageMs: 300_000,
          leastRate: 1_024,
          askEncoded: "no",
          weight: 1,
          maxFails: 3,
          failMs: 10_000,
        },
      ],
      codecs: ["splice", "zstd", "vcdiff"],
      store: {
        sizeBytes: 256 * 2 ** 20,
        sessionMs: 3_600_000,
        noStoreMs: 600_000,
        fileSizeBytes: 2 * 2 ** 30,
        sessions: "memory",
      },
      memory: { budgetBytes: 128 * 2 ** 20, perKeyBytes: 64 * 2 ** 20 },
      limits: { pageBytes: 8 * 2 ** 20, headBytes: 64 * 2 ** 10, streamsPerLink: 1_000 },
      times: { heartbeatMs: 1_000, drainMs: 30_000, drainStreamsMs: 2_000 },
      redial: { firstMs: 250, mostMs: 5_000 },
      accessLog: { target: { to: "off" }, format: "json", userAgent: false },
      log: { level: "info", format: "auto" },
      admin: [],
      hostMetrics: false,
    });
  });

  it("dials each edge in its own way", () => {
    const [certificate] = named("certificate-mode").edges.map((edge) => dialSecurity(edge, edge.key.secret));
    expect(certificate).toMatchObject({ mode: "certificate", serverName: "edge.example.com" });
    const [psk, plain] = named("two-edges-one-plain").edges.map((edge) =>
      dialSecurity(edge, edge.key.secret),
    );
    expect([psk?.mode, plain]).toEqual(["psk", { mode: "plain", insecure: false }]);
  });

  it("asks web servers off this machine for encoded bodies, unless it is told otherwise", () => {
    const { routes } = named("routes-of-every-kind");
    expect(routes.map(({ askEncoded }) => askEncoded)).toEqual(["yes", "no", "no", "yes"]);
    expect(routes.map(({ path }) => path)).toEqual(["/", "/api", "/", "/"]);
    expect(routes.map(({ idleMs }) => idleMs)).toEqual([60_000, undefined, 60_000, 60_000]);
    expect(routes.map(({ tls }) => tls?.verify)).toEqual([true, true, undefined, undefined]);
  });

  it("makes of a route of several web servers one for each, which differ in what follows from its address", () => {
    const { routes } = named("several-web-servers");
    const [first, second, third, other] = routes.map(({ origin, weight, tls, askEncoded }) => [
      printUpstreamAddress(origin),
      weight,
      tls?.serverName,
      askEncoded,
    ]);
    expect(first).toEqual(["http://127.0.0.1:3000", 1, undefined, "no"]);
    expect(second).toEqual(["https://10.0.0.5:8443", 3, "app.internal", "yes"]);
    expect(third).toEqual(["unix:/run/app.sock", 1, undefined, "no"]);
    expect(other).toEqual(["http://127.0.0.1:3001", 1, undefined, "no"]);
    expect(routes.map(({ health }) => health)).toEqual([
      ...Array.from({ length: 3 }, () => ({
        path: "/healthz",
        intervalMs: 2_000,
        timeoutMs: 2_000,
        healthy: 2,
        unhealthy: 3,
        status: { least: 200, most: 399 },
      })),
      {
        path: "/up?deep=1",
        intervalMs: 5_000,
        timeoutMs: 1_000,
        healthy: 1,
        unhealthy: 1,
        status: { least: 204, most: 204 },
      },
    ]);
  });

  it("prints no secret and no private key, however it is printed", () => {
    for (const fixture of VALID) {
      const config = parseFixture(fixture, originSettings);
      const printed = `${inspect(config, { depth: 20, showHidden: true, getters: false })}${JSON.stringify(config)}`;
      expect(printed).not.toContain(FIXTURE_SECRET.slice(5));
      expect(printed).not.toContain("BEGIN");
    }
  });
});

describe("an invalid origin.yaml", () => {
  it.each(INVALID)("$name", (fixture) => {
    const expected = expectedProblems(fixture);
    const error = fixtureError(fixture, originSettings);
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
