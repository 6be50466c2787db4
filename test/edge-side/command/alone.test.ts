/** Settings on the command line of `coilgun-edge alone`. */
import { expect, it } from "vitest";
import { type AloneWishes, aloneConfig } from "../../../edge-side/command/alone.ts";
import { ConfigError } from "../../../protocol/config/parse-config.ts";

const configOf = (...settings: readonly string[]) =>
  aloneConfig({
    origin: "http://127.0.0.1:3000",
    listen: "127.0.0.1:0",
    hosts: ["a.example", "b.example"],
    insecure: false,
    trustedProxies: [],
    admin: [],
    settings,
  });

it("any setting of edge.yaml can be said: of each host, of the listener, of all", () => {
  const { hosts, visitors, times } = configOf(
    "hosts.dictionaries=on",
    "hosts.direct.paths=[/public]",
    "visitors.compress=off",
    "times.idle=30s",
  );
  expect(hosts.map(({ dictionaries, direct }) => [dictionaries, direct.paths])).toEqual([
    ["on", ["/public"]],
    ["on", ["/public"]],
  ]);
  expect(visitors.map(({ compress }) => compress)).toEqual([false]);
  expect(times.idleMs).toBe(30_000);
});

it.each([
  ["times.idle", /write it as --set times\.idle=30s/],
  ["trustedProxies.x=1", /trustedProxies is no block/],
  ["times.idle=[1", /cannot be read as YAML/],
  ["hosts.dictionary=on", /dictionary/],
])("--set %s is told what to do", (setting, said) => {
  expect(() => configOf(setting)).toThrow(said);
});

it.each<[Partial<AloneWishes>, string]>([
  [{ origin: "nowhere" }, "--origin is not a web server's address; write one such as http"],
  [
    { origin: "http://10.0.0.1" },
    "--origin must begin with https://, as what visitors send and get would cross",
  ],
  [{ listen: "8443" }, "--listen has no port; write host:port"],
  [{ hosts: ["a b"] }, "--host is not a host name"],
  [{ certificate: "./none.pem", privateKey: "./none.key" }, "--certificate names a file that is not there"],
  [{ certificate: import.meta.filename }, "--certificate names"],
  [{ trustedProxies: ["proxy"] }, "--trusted-proxy is not a range of addresses"],
  [{ admin: ["0.0.0.0:7480"] }, "--admin must be an address of this machine alone"],
  [{ accessLog: "log" }, "--access-log must be off, stdout or a path with a slash"],
  [{ settings: ["times.idle=30"] }, "--set times.idle must be a time with its unit"],
  [{ settings: ["hosts.dictionaries=maybe"] }, "--set hosts.dictionaries must be one of"],
  [{ settings: ["zzz=1"] }, "--set zzz is not a setting"],
])("of %j says the option, once, and no line of a file", (wrong, said) => {
  const right = { origin: "http://127.0.0.1:3000", listen: "127.0.0.1:0", hosts: ["a.example", "b.example"] };
  const wishes = { ...right, insecure: false, trustedProxies: [], admin: [], settings: [], ...wrong };
  const failed = (() => {
    try {
      return aloneConfig(wishes);
    } catch (error) {
      return error;
    }
  })();
  expect(failed).toBeInstanceOf(ConfigError);
  const lines = String((failed as ConfigError).message).split("\n");
  expect(lines.filter((line) => line.startsWith(said))).toHaveLength(1);
  expect(lines.join("\n")).not.toMatch(/command line|:\d+:\d+:|insecure: true/);
});
