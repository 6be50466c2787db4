import { describe, expect, it } from "vitest";
import { hostName, hostOf, keyOf, partitionOf } from "../../../protocol/store/partition.ts";

describe("hostName", () => {
  it.each([
    ["Example.COM", "example.com"],
    ["example.com:8080", "example.com"],
    ["[::1]:8080", "[::1]"],
    ["[2001:DB8::1]", "[2001:db8::1]"],
    ["Example.com.:8080", "example.com"],
    ["example.com..", "example.com."],
    ["", ""],
  ])("%s is %s", (host, name) => expect(hostName(host)).toBe(name));
});

describe("tenantOf", () => {
  it("is the same for the spellings of a host", () => {
    expect(partitionOf({ keyId: "k", host: "A.example:443" })).toBe(
      partitionOf({ keyId: "k", host: "a.example" }),
    );
  });

  it("differs by key and by host, whatever they contain", () => {
    const owners = ["a", "a b", "b", "1 a", ""].flatMap((keyId) =>
      ["a", "a b", "b a", "1 a", ""].map((host) => partitionOf({ keyId, host })),
    );
    expect(new Set(owners).size).toBe(owners.length);
  });

  it("gives its host and its key back", () => {
    const partition = partitionOf({ keyId: "7 odd: key", host: "Shop.example:80" });
    expect([hostOf(partition), keyOf(partition)]).toEqual(["shop.example", "7 odd: key"]);
  });
});
