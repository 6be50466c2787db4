import { describe, expect, it } from "vitest";
import { needRestart, saysTheSame } from "../../../protocol/config/restart-settings.ts";
import { NamedFile } from "../../../protocol/config/schema.ts";
import { SharedPlace } from "../../../protocol/fleet/fleet-settings.ts";
import { RedisUrl } from "../../../protocol/redis/redis-address.ts";
import { Secret } from "../../../protocol/transport/key.ts";
import { makeAuthority } from "../../kit/certificates.ts";
import { edgeConfigOf } from "../../kit/daemons.ts";

const file = (text: string) => new NamedFile("/etc/key.pem", Buffer.from(text));

describe("settings that need a restart", () => {
  const running = edgeConfigOf({ tunnel: "127.0.0.1:7443" });

  it.each([
    [{ limits: { bodyBytes: "1 MiB" } }, ["limits.bodyBytes: none -> 1 MiB"]],
    [{ memory: { budget: "256 MiB" } }, ["memory.budget: 128 MiB -> 256 MiB"]],
    [{ times: { idle: "90s" } }, ["times.idle: 1m -> 90s"]],
    [{ tunnel: "127.0.0.1:7444" }, ["tunnel.listen: 127.0.0.1:7443 -> 127.0.0.1:7444"]],
    [{ trustedProxies: ["10.0.0.0/8"] }, []],
    [{}, []],
  ])("of %j are %j", (settings, named) => {
    const next = edgeConfigOf({ tunnel: "127.0.0.1:7443", ...settings });
    expect(needRestart(running, next, ["keys", "trustedProxies"])).toEqual(named);
  });

  it("of a listener that becomes one for HTTPS are named one by one, as the file has them", () => {
    const listener = { listen: "127.0.0.1:8080" };
    const [pem, key] = ["certificate", "privateKey"].map((name) => `/etc/${name}.pem`);
    const { certificate = "", privateKey = "" } = makeAuthority().issue({ name: "www.example.com" });
    const files = { [`${pem}`]: certificate, [`${key}`]: privateKey };
    const plain = edgeConfigOf({ visitors: [{ ...listener, compress: "off" }] });
    const https = edgeConfigOf(
      { visitors: [{ ...listener, certificate: pem, privateKey: key, hsts: "1y" }] },
      files,
    );
    const certificates = "visitors[0].certificates[0]";
    expect(needRestart(plain, https, [])).toEqual([
      `${certificates}.certificate: none -> ${pem}`,
      `${certificates}.privateKey: none -> ${key}`,
      "visitors[0].hsts: none -> max-age=31536000",
      "visitors[0].compress: off -> on",
    ]);
    expect(needRestart(https, plain, [])).toContain(`${certificates}.privateKey: ${key} -> none`);
  });

  it("name a file with another content by its path, and never show it", () => {
    expect(
      needRestart({ tunnel: { privateKey: file("old") } }, { tunnel: { privateKey: file("new") } }, []),
    ).toEqual(["tunnel.privateKey: another content of /etc/key.pem"]);
  });

  it("name another password in an address, and another key, and show neither", () => {
    const settings = (password: string, first: number) => ({
      store: { shared: new RedisUrl(`redis://me:${password}@10.0.0.9`) },
      config: new SharedPlace(`redis://me:${password}@10.0.0.9/1`, "site"),
      configSeal: new Secret(Buffer.alloc(32, first)),
    });
    expect(needRestart(settings("one", 1), settings("one", 1), [])).toEqual([]);
    expect(needRestart(settings("one", 1), settings("two", 2), [])).toEqual([
      "store.shared: another user or password",
      "config: another user or password",
      "configSeal: another key",
    ]);
    expect(needRestart({}, { config: settings("one", 1).config }, [])).toEqual([
      "config: none -> redis://10.0.0.9/1#site",
    ]);
  });
});

it("two parts say the same only if their files do", () => {
  const part = (text: string) => ({ origin: "x", tls: { authorities: file(text) } });
  expect([saysTheSame(part("a"), part("a")), saysTheSame(part("a"), part("b"))]).toEqual([true, false]);
});
