/** Settings on the command line of `coilgun-edge alone`. */
import { expect, it } from "vitest";
import { aloneConfig } from "../../../edge-side/command/alone.ts";

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
