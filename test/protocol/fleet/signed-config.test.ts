import { describe, expect, it } from "vitest";
import { MOST_SIGNED_CHARS, openConfig, publicKeyText } from "../../../protocol/fleet/signed-config.ts";
import { makeLinkKey } from "../../../protocol/transport/key.ts";
import { makeFleet, signingKey } from "./fleet-kit.ts";

const TEXT = "routes: [one]\n# secret-of-the-config\n";

describe("a signed config", () => {
  it("opens to its text, version and signer, and shows nothing of the text", () => {
    using fleet = makeFleet();
    const signed = fleet.signed(7, TEXT);
    expect(openConfig(signed, fleet.trust)).toEqual({
      version: 7,
      at: "2026-11-29T12:00:00.000Z",
      text: TEXT,
      signed,
      signer: fleet.trust.keys[0],
    });
    const bytes = signed.split(".").map((part) => Buffer.from(part, "base64url").toString("latin1"));
    expect([signed, ...bytes].join()).not.toContain("secret-of");
  });

  it("is sealed anew each time", () => {
    using fleet = makeFleet();
    expect(fleet.signed(7).split(".")[1]).not.toBe(fleet.signed(7).split(".")[1]);
  });

  it("opens by any of the keys that may change it", () => {
    using fleet = makeFleet();
    const second = signingKey();
    const keys = [...fleet.trust.keys, publicKeyText(second)];
    expect(openConfig(fleet.signed(7, TEXT, second), { ...fleet.trust, keys }).signer).toBe(keys[1]);
  });

  it("is refused when signed by another key", () => {
    using fleet = makeFleet();
    expect(() => openConfig(fleet.signed(7, TEXT, signingKey()), fleet.trust)).toThrow(/none of the keys/);
  });

  it.each([
    [{ name: "other" }, /signed as other of the edge side/],
    [{ side: "origin" as "edge" }, /signed as site of the origin side/],
  ])("is refused when signed as %j", (as, message) => {
    using fleet = makeFleet();
    expect(() => openConfig(fleet.signed(7, TEXT, undefined, as as object), fleet.trust)).toThrow(message);
  });

  it("is refused with another sealing key", () => {
    using fleet = makeFleet();
    const { secret: seal } = makeLinkKey("seal");
    expect(() => openConfig(fleet.signed(7), { ...fleet.trust, seal })).toThrow(/configSeal/);
  });

  it("is refused with any one character changed, or cut anywhere", () => {
    using fleet = makeFleet();
    const signed = fleet.signed(7, TEXT);
    for (let at = 0; at < signed.length; at++) {
      const other = signed[at] === "A" ? "B" : "A";
      // The last character of a part carries bits that are no part of a byte.
      const changed = `${signed.slice(0, at)}${other}${signed.slice(at + 1)}`;
      if (at < signed.length - 1)
        expect(() => openConfig(changed, fleet.trust), `character ${at}`).toThrow(
          /no signed config|none of the keys/,
        );
      expect(() => openConfig(signed.slice(0, at), fleet.trust), `cut at ${at}`).toThrow(/no signed config/);
    }
  });

  it("takes no header of one version with the body of another", () => {
    using fleet = makeFleet();
    const [head] = fleet.signed(9).split(".");
    const [, ...rest] = fleet.signed(7).split(".");
    expect(() => openConfig([head, ...rest].join("."), fleet.trust)).toThrow(/none of the keys/);
  });

  it("is not made of more than the store is asked for", () => {
    using fleet = makeFleet();
    expect(() => fleet.signed(1, "#".repeat(MOST_SIGNED_CHARS))).toThrow(/3 MiB at most/);
  });
});
