// What the edge knows of its hosts while it serves them, and what a reload changes of it.
import { describe, expect, it } from "vitest";
import { ServedHosts } from "../../../edge-side/proxy/served-hosts.ts";
import { parseNetwork } from "../../../protocol/config/units.ts";
import { makeLinkKey } from "../../../protocol/transport/key.ts";

const ONE = makeLinkKey("one");
const TWO = makeLinkKey("two");
const FREE = { links: 64, weight: 1, addresses: [] };
const host = (
  name: string,
  more: { readonly compressRequests?: boolean; readonly deltas?: "on" | "off" } = {},
) => ({
  host: name,
  bases: "session" as const,
  harmlessCookies: [],
  credentialHeaders: [],
  commonBases: true,
  compressRequests: true,
  connectProtocols: [],
  deltas: "on" as const,
  errorPage: undefined,
  dictionaries: "auto" as const,
  frontHeedsVary: false,
  fallback: undefined,
  ...more,
});
const settings = {
  keys: [
    { ...FREE, key: ONE, hosts: [host("a.example"), host("both.example")] },
    { ...FREE, key: TWO, hosts: [host("both.example", { compressRequests: false })] },
  ],
  trustedProxies: [parseNetwork("10.0.0.0/8")],
  defaultHost: undefined,
};

describe("the hosts that are served", () => {
  it("are those of each key, and no others", () => {
    const hosts = new ServedHosts(settings);
    const served = (key: string) =>
      ["a.example", "both.example", "c.example"].map((each) => hosts.serves(key, each));
    expect([served("one"), served("two"), served("three")]).toEqual([
      [true, true, false],
      [false, true, false],
      [false, false, false],
    ]);
    expect(hosts.rulesOf("c.example")).toBeUndefined();
    expect([hosts.secretsOf("one", 0), hosts.secretsOf("three", 0)]).toEqual([[ONE.secret], []]);
  });

  it("may be held by a key that served them once, by their name or a pattern, and by no other", () => {
    const names = ["a.example", "x.both.example", "c.example"];
    const hosts = new ServedHosts({
      ...settings,
      keys: [{ ...FREE, key: ONE, hosts: [host("a.example"), host("*.both.example")] }],
    });
    const held = (key: string) => names.map((each) => hosts.mayHold(key, each));
    expect(held("one")).toEqual([true, true, false]);
    hosts.replace({ ...settings, keys: [{ ...FREE, key: TWO, hosts: [host("a.example")] }] });
    expect([hosts.serves("one", "a.example"), held("one"), held("two")]).toEqual([
      false,
      [true, true, false],
      [true, false, false],
    ]);
    expect(names.map((each) => hosts.mayBeHeld(each))).toEqual([true, true, false]);
  });

  it("may be many under one name, and the most particular name says which key serves one", () => {
    const hosts = new ServedHosts({
      ...settings,
      keys: [
        { ...FREE, key: ONE, hosts: [host("*.example"), host("*", { compressRequests: false })] },
        { ...FREE, key: TWO, hosts: [host("b.example")] },
      ],
    });
    const served = (key: string) =>
      ["a.example", "b.example", "c.test"].map((each) => hosts.serves(key, each));
    expect([served("one"), served("two")]).toEqual([
      [true, false, true],
      [false, true, false],
    ]);
    expect(["a.example", "c.test"].map((each) => hosts.rulesOf(each)?.compressRequests)).toEqual([
      true,
      false,
    ]);
    expect(["a.example", "b.example"].map((each) => hosts.isNamed(each))).toEqual([false, true]);
  });

  it("are the default where there is one only, and its name stands for no others", () => {
    const withHosts = (...names: string[]) =>
      new ServedHosts({ ...settings, keys: [{ ...FREE, key: ONE, hosts: names.map((each) => host(each)) }] });
    expect(withHosts("a.example").defaultHost).toBe("a.example");
    expect([withHosts("*.example").defaultHost, withHosts("*", "a.example").defaultHost]).toEqual([
      undefined,
      undefined,
    ]);
  });

  it("have rules of their own", () => {
    const hosts = new ServedHosts({
      ...settings,
      keys: [
        { ...FREE, key: ONE, hosts: [host("a.example"), host("b.example", { compressRequests: false })] },
      ],
    });
    expect(["a.example", "b.example"].map((each) => hosts.rulesOf(each)?.compressRequests)).toEqual([
      true,
      false,
    ]);
  });

  it("build on nothing under deltas: off, which any key of a host may say, and on everything again without", () => {
    const serves = (key: typeof ONE, deltas: "on" | "off") => ({
      ...FREE,
      key,
      hosts: [host("both.example", { deltas })],
    });
    const hosts = new ServedHosts({ ...settings, keys: [serves(ONE, "off"), serves(TWO, "on")] });
    expect(hosts.rulesOf("both.example")?.scope.bases).toBe("off");
    hosts.replace({ ...settings, keys: [serves(ONE, "on"), serves(TWO, "on")] });
    expect(hosts.rulesOf("both.example")?.scope.bases).toBe("session");
  });

  it("are others after a reload", () => {
    const hosts = new ServedHosts(settings);
    const changed = makeLinkKey("two");
    const next = [
      { ...FREE, key: ONE, hosts: [host("b.example")] },
      { ...FREE, key: changed, hosts: [host("both.example")] },
      { ...FREE, key: makeLinkKey("new"), hosts: [host("c.example")] },
    ];
    expect([hosts.trusts("10.1.2.3"), hosts.trusts("192.0.2.1")]).toEqual([true, false]);
    hosts.replace({ keys: next, trustedProxies: [], defaultHost: undefined });
    expect(hosts.secretsOf("two", 0)[0]).toBe(changed.secret);
    expect(["a.example", "b.example"].map((each) => hosts.serves("one", each))).toEqual([false, true]);
    expect([hosts.rulesOf("a.example"), hosts.trusts("10.1.2.3")]).toEqual([undefined, false]);
  });

  it("make the same session of the same cookie before and after a reload", () => {
    const hosts = new ServedHosts(settings);
    const session = () =>
      hosts.rulesOf("a.example")?.scope.credentialsOf(["Cookie", "sid=0123456789abcdef"]).session;
    const before = session();
    hosts.replace(settings);
    expect(before).toBeDefined();
    expect(session()).toBe(before);
  });
});
