import { describe, expect, it } from "vitest";
import { closest } from "../../../protocol/config/did-you-mean.ts";

const KNOWN = [
  "visitors",
  "tunnel",
  "store",
  "memory",
  "limits",
  "times",
  "id",
  "perKey",
  "warn",
  "heartbeat",
];

describe("closest", () => {
  it.each([
    ["sotre", "store"],
    ["heratbat", "heartbeat"],
    ["visitor", "visitors"],
    ["hartbeat", "heartbeat"],
    ["heart-beat", "heartbeat"],
    ["perkey", "perKey"],
    ["per_key", "perKey"],
    ["TIMES", "times"],
    ["warning", "warn"],
    ["limit", "limits"],
  ])("takes %s for %s", (word, meant) => {
    expect(closest(word, KNOWN)).toBe(meant);
  });

  it.each(["", "i", "idle", "colour", "constructor", "x".repeat(10_000)])(
    "takes %.20s for nothing",
    (word) => {
      expect(closest(word, KNOWN)).toBeUndefined();
    },
  );

  it("prefers the nearer of two", () => {
    expect(closest("tunel", ["tunnels", "tunnel"])).toBe("tunnel");
    expect(closest("configSea", ["config", "configSeal"])).toBe("configSeal");
  });
});
