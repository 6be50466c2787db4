// Which paths a fallback serves, whose certificate it believes, and what a reload leaves alone.
import { once } from "node:events";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { settingsByHost } from "../../../edge-side/config/host-config.ts";
import { Fallback, Fallbacks, MOST_KNOWN_PATHS } from "../../../edge-side/upstream/fallbacks.ts";
import { ConfigError } from "../../../protocol/config/parse-config.ts";
import type { LogFields } from "../../../protocol/daemon/log.ts";
import { systemClock } from "../../../protocol/runtime/clock.ts";
import { makeAuthority } from "../../kit/certificates.ts";
import { watchLeaks } from "../../kit/leaks.ts";
import { silentLog } from "../../kit/silent-log.ts";
import { configOf, HOST, keysFor } from "../edge-under-test.ts";

watchLeaks();

const OPTIONS = { clock: systemClock, log: silentLog, headBytes: 32_768 };
const keysWith = (fallback: unknown, files: Readonly<Record<string, string>> = {}) =>
  configOf({ settings: { keys: keysFor([{ host: HOST, fallback }]) }, files }).keys;

const fallbackWith = (fallback: unknown, files?: Readonly<Record<string, string>>): Fallback => {
  const made = new Fallbacks({ keys: keysWith(fallback, files) }, OPTIONS);
  onTestFinished(() => made.close());
  const found = made.of(HOST);
  if (found === undefined) throw new Error("the host has no fallback");
  return found;
};

describe("the setting", () => {
  it.each([
    ["http://www-origin.example.com", /fallback must begin with https:\/\/.*insecure: true/],
    [{ origin: "https://a.example", paths: ["news"] }, /paths\[0\] must begin with a slash/],
    [{ origin: "https://a.example/path" }, /must be scheme, host and port alone/],
    [{ origin: "https://a.example", paths: [] }, /fallback\.paths /],
  ])("%j is refused, and why", (fallback, why) => {
    expect(() => keysWith(fallback)).toThrow(ConfigError);
    expect(() => keysWith(fallback)).toThrow(why);
  });

  it.each([
    ["http://127.0.0.1:3000"],
    ["unix:/run/app.sock"],
    ["https://a.example"],
    [{ origin: "http://a.example", insecure: true }],
  ])("%j is taken", (fallback) => {
    expect(fallbackWith(fallback)).toBeInstanceOf(Fallback);
  });
});

it("each time it serves is told once when it begins, and once when a link answers again, with the count", () => {
  const fallback = settingsByHost({ keys: keysWith("https://a.example") }).get(HOST)?.fallback;
  if (fallback === undefined) throw new Error("the host has no fallback");
  const lines: unknown[] = [];
  const hear = (event: string, fields?: LogFields) => void lines.push([event, fields?.requests]);
  const served = new Fallback(HOST, fallback, { ...OPTIONS, log: { ...silentLog, info: hear, warn: hear } });
  onTestFinished(() => served.client.close());
  for (const requests of [2, 1]) {
    for (let n = 0; n < requests; n++) served.serves("no-link");
    served.linkServes("/");
    served.linkServes("/");
  }
  const [begins, over] = ["fallback begins", "fallback over"];
  expect(lines).toEqual([
    [begins, undefined],
    [over, 2],
    [begins, undefined],
    [over, 1],
  ]);
});

describe("the paths", () => {
  it("are those that are set, whole segments only, and nothing else is learnt", () => {
    const fallback = fallbackWith({ origin: "https://a.example", paths: ["/news", "/shop/"] });
    fallback.linkServes("/");
    const allowed = ["/news", "/news/1?x=/y", "/shop", "/newspaper", "/", "/admin?/news"].map((target) =>
      fallback.allows(target),
    );
    expect(allowed).toEqual([true, true, true, false, false, false]);
  });

  it("are without any those at or below what a link has answered", () => {
    const fallback = fallbackWith("https://a.example");
    const allowed = (...targets: readonly string[]) => targets.map((target) => fallback.allows(target));
    expect(allowed("/", "/news/1")).toEqual([false, false]);
    fallback.linkServes("/news/1/?page=2");
    expect(allowed("/news/1", "/news/1/comments", "/news", "/news/10", "/")).toEqual([
      true,
      true,
      false,
      false,
      false,
    ]);
    fallback.linkServes("/");
    expect(allowed("/", "/admin", "*")).toEqual([true, true, true]);
    fallback.notRouted("/admin");
    expect(allowed("/", "/admin", "/news/1")).toEqual([false, false, true]);
  });

  it("are bounded in number", () => {
    const fallback = fallbackWith("https://a.example");
    for (let i = 0; i <= MOST_KNOWN_PATHS; i++) fallback.linkServes(`/${i}`);
    expect(["/0", "/1", `/${MOST_KNOWN_PATHS}`].map((path) => fallback.allows(path))).toEqual([
      false,
      true,
      true,
    ]);
  });
});

describe("a reload", () => {
  it("keeps one that did not change with what it knows, makes others anew, and takes away what is gone", () => {
    const fallbacks = new Fallbacks({ keys: keysWith("https://a.example") }, OPTIONS);
    onTestFinished(() => fallbacks.close());
    const first = fallbacks.of(HOST);
    first?.linkServes("/");
    fallbacks.replace({ keys: keysWith("https://a.example") });
    expect([fallbacks.of(HOST) === first, fallbacks.of(HOST)?.allows("/x")]).toEqual([true, true]);
    fallbacks.replace({ keys: keysWith("https://b.example") });
    expect(fallbacks.of(HOST)?.allows("/x")).toBe(false);
    fallbacks.replace({ keys: keysWith(undefined) });
    expect(fallbacks.of(HOST)).toBeUndefined();
  });
});

describe("the certificate", () => {
  const authority = makeAuthority();
  const ask = async (names: readonly string[], more: object = {}): Promise<number | string> => {
    const { certificate, privateKey } = authority.issue({ name: names[0] ?? "", names });
    const server = createServer({ cert: certificate, key: privateKey }, (_, response) => response.end("ok"));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    onTestFinished(async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    });
    const { port } = server.address() as AddressInfo;
    const { client } = fallbackWith(
      { origin: `https://127.0.0.1:${port}`, authorities: "ca.pem", ...more },
      { "ca.pem": authority.certificate },
    );
    try {
      const response = await client.fetch({
        head: { method: "GET", target: "/", fields: ["Host", HOST] },
        body: undefined,
        signal: new AbortController().signal,
        interim() {},
      });
      return response.head.status;
    } catch (error) {
      return String(error);
    }
  };

  it.each([
    [["www-origin.example.com"], { serverName: "www-origin.example.com" }],
    [["127.0.0.1"], {}],
  ])("for %j is believed with %j", async (names, more) => expect(await ask(names, more)).toBe(200));

  it.each([
    [["another.example.com"], {}],
    [["another.example.com"], { serverName: "www-origin.example.com" }],
    // The visitor's host is no name of a web server that has one.
    [[HOST], { serverName: "www-origin.example.com" }],
    [["www-origin.example.com"], { serverName: "www-origin.example.com", authorities: undefined }],
    [
      ["www-origin.example.com"],
      { serverName: "www-origin.example.com", insecure: true, authorities: undefined },
    ],
  ])("for %j is refused with %j", async (names, more) =>
    expect(await ask(names, more)).toMatch(/could not be reached/),
  );
});
