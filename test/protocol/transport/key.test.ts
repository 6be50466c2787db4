import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import {
  isKeyId,
  LinkKeyError,
  MAX_KEY_ID_LENGTH,
  makeLinkKey,
  parseKeyId,
  parseSecret,
  SECRET_BYTES,
  Secret,
  secretText,
} from "../../../protocol/transport/key.ts";

const BYTES = Buffer.from("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f", "hex");
const TEXT = "cgk1_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

describe("a secret's text", () => {
  it("is cgk1_ and 43 characters of base64url, and reads back", () => {
    expect(secretText(new Secret(BYTES))).toBe(TEXT);
    expect(parseSecret(TEXT).reveal()).toEqual(BYTES);
  });

  it.each([
    { mistake: "another prefix", text: TEXT.replace("cgk1_", "cgk2_"), says: 'begins with "cgk1_"' },
    { mistake: "nothing", text: "", says: "coilgun-edge pair" },
    { mistake: "a prefix only", text: "cgk1_", says: "has 0" },
    { mistake: "one character missing", text: TEXT.slice(0, -1), says: "has 42" },
    { mistake: "one character more", text: `${TEXT}A`, says: "has 44" },
    { mistake: "a character of plain base64", text: TEXT.replace("AAEC", "AA+C"), says: "or holds others" },
    { mistake: "a line break", text: `${TEXT}\n`, says: "has 44" },
    { mistake: "stray bits in the last character", text: TEXT.replace(/8$/, "9"), says: "last character" },
  ])("is refused with $mistake, without showing it", ({ text, says }) => {
    const read = () => parseSecret(text);
    expect(read).toThrow(LinkKeyError);
    expect(read).toThrow(says);
    expect(read).toThrow(expect.not.objectContaining({ message: expect.stringContaining("AwQFBgcI") }));
  });

  it("is 32 bytes, no fewer and no more", () => {
    expect(() => new Secret(Buffer.alloc(SECRET_BYTES - 1))).toThrow("has 32 bytes, not 31");
    expect(() => new Secret(Buffer.alloc(SECRET_BYTES + 1))).toThrow("has 32 bytes, not 33");
  });
});

describe("a secret", () => {
  const key = makeLinkKey("edge-1", () => BYTES);

  it.each([
    { way: "a template", shown: () => `${key.secret}` },
    { way: "JSON", shown: () => JSON.stringify({ key }) },
    { way: "inspect", shown: () => inspect({ key }, { depth: 9, showHidden: true }) },
    { way: "concatenation", shown: () => String(key.secret) },
    {
      way: "own properties",
      shown: () => JSON.stringify(Object.entries(key.secret)) + JSON.stringify({ ...key.secret }),
    },
  ])("shows nothing of itself in $way", ({ shown }) => {
    expect(shown()).not.toMatch(/AAECAwQ|00 ?01 ?02 ?03|0, ?1, ?2, ?3/);
    expect(inspect(key)).toContain("[secret]");
  });

  it("does not change with the buffer it was made from", () => {
    const bytes = Buffer.from(BYTES);
    const secret = new Secret(bytes);
    bytes.fill(0);
    expect(secret.reveal()).toEqual(BYTES);
  });

  it("differs from one made key to the next", () => {
    expect(secretText(makeLinkKey("a").secret)).not.toBe(secretText(makeLinkKey("a").secret));
  });
});

describe("a key id", () => {
  it.each(["a", "edge-1", "A.b_c-9", "x".repeat(MAX_KEY_ID_LENGTH)])("may be %s", (id) => {
    expect(parseKeyId(id)).toBe(id);
    expect(isKeyId(id)).toBe(true);
  });

  it.each(["", "x".repeat(MAX_KEY_ID_LENGTH + 1), "two words", "línk", "a\n", "a\0b", "a/b", '"'])(
    "may not be %j",
    (id) => {
      expect(() => parseKeyId(id)).toThrow(LinkKeyError);
      expect(() => makeLinkKey(id)).toThrow("1 to 64 letters");
      expect(isKeyId(id)).toBe(false);
    },
  );
});
