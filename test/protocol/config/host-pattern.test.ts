/** Names of hosts in settings: which there are, and which of them counts for a host. */
import { describe, expect, it } from "vitest";
import { namesFor, ofHost, parseHostPattern } from "../../../protocol/config/host-pattern.ts";
import { LONGEST_HOST_NAME, UnitError } from "../../../protocol/config/units.ts";

describe("a name that stands for hosts", () => {
  it.each([
    ["www.example.com", "www.example.com"],
    [" *.Example.COM. ", "*.example.com"],
    ["*", "*"],
    ["[::1]", "[::1]"],
  ])("%j is %j", (text, name) => expect(parseHostPattern(text)).toBe(name));

  it.each(["*.", "*example.com", "www.*.com", "*.*", "*.[::1]", "*.10.0.0.1", "*.0.1", "**", ""])(
    "%j is refused",
    (text) => expect(() => parseHostPattern(text)).toThrow(UnitError),
  );
});

describe("of several names that fit", () => {
  const names = ["www.example.com", "*.example.com", "*.b.example.com", "*.com", "*"];
  const table = new Map(names.map((name) => [name, name]));

  it.each([
    ["www.example.com", "www.example.com"],
    ["a.example.com", "*.example.com"],
    ["x.y.example.com", "*.example.com"],
    ["a.b.example.com", "*.b.example.com"],
    ["b.example.com", "*.example.com"],
    ["example.com", "*.com"],
    ["aexample.com", "*.com"],
    ["example.org", "*"],
    ["10.0.0.1", "*"],
    ["[::1]", "*"],
  ])("%s has %s", (host, name) => expect(ofHost(table, host)).toBe(name));

  it("there may be none", () => {
    const one = new Map([["*.example.com", 1]]);
    expect(["example.com", "www.example.org", ""].map((host) => ofHost(one, host))).toEqual(
      Array(3).fill(undefined),
    );
  });

  it("a host that is longer than a name can be has its own only, so that its parts cost nothing", () => {
    const long = `${"a.".repeat(LONGEST_HOST_NAME)}example.com`;
    expect([...namesFor(long)]).toEqual([long]);
    expect(ofHost(table, long)).toBeUndefined();
  });
});
