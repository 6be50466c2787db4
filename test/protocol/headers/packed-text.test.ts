/** protocol/headers/packed-text.ts: sealed and signed cookie values in the bits that they have. */
import { expect, it } from "vitest";
import { MOST_PIECES, packedText, readPackedText } from "../../../protocol/headers/packed-text.ts";
import { ByteReader } from "../../../protocol/wire/bytes.ts";
import { Random, seeded } from "../../kit/random.ts";

const read = (bytes: Buffer): string => {
  const reader = new ByteReader(bytes);
  const text = readPackedText(reader);
  expect(reader.left).toBe(0);
  return text;
};

it.each([
  ["hexadecimal", "0123456789abcdef0123456789abcdef", 19],
  ["base64", "q0+/ABCDEFGHIJKLMNOPQRSTUVWXYZ==", 26],
  ["base64 as a cookie has to write it", "q0%2B%2FABCDEFGHIJKLMNOPQRSTUVWXYZ%3D%3D", 26],
  ["base64url", "q0-_ABCDEFGHIJKLMNOPQRSTUVWXYZ", 26],
  [
    "a payload and its signature",
    "BAh7B0kiD3Nlc3Npb25faWQGOgZFVG8=--3d5c0b1a3d5c0b1a3d5c0b1a3d5c0b1a3d5c0b1a",
    49,
  ],
])("packs %s", (_, text, bytes) => {
  const packed = packedText(text);
  expect(packed?.length).toBe(bytes);
  expect(packed && read(packed)).toBe(text);
});

it.each([
  ["another escape", "abc%2b"],
  ["half an escape", "abc%2"],
  ["pads in the middle", "ab=cd"],
  ["three pads", "abcd==="],
  ["a pad after hexadecimal only", "="],
  ["nothing between separators", "ab----cd"],
  ["nothing", ""],
  [
    "too many pieces",
    Array(MOST_PIECES + 1)
      .fill("ab")
      .join("--"),
  ],
])("leaves %s as it is, or gives it back", (_, text) => {
  const packed = packedText(text);
  if (packed !== undefined) expect(read(packed)).toBe(text);
  else expect(packed).toBeUndefined();
});

it("gives back whatever it packed", () => {
  const random = seeded();
  const letters = ["a", "F", "7", "%2B", "%2F", "%3D", "+", "/", "=", "-", "--", "_", "%"];
  for (let n = 0; n < 3000; n++) {
    const text = Array.from({ length: random.int(0, 20) }, () => random.pick(letters)).join("");
    const packed = packedText(text);
    if (packed !== undefined) expect(read(packed), text).toBe(text);
  }
});

it.each([
  ["no pieces", "00"],
  ["more pieces than there may be", "09"],
  ["three pads", "01 13 00"],
  ["characters that are not there", "01 80 01 00"],
])("refuses %s", (_, hex) => {
  expect(() => readPackedText(new ByteReader(Buffer.from(hex.replaceAll(" ", ""), "hex")))).toThrow();
});

const outer = (text: string) => Buffer.from(text).toString("base64");
const escaped = (text: string) => text.replaceAll("+", "%2B").replaceAll("/", "%2F").replaceAll("=", "%3D");
const noise = new Random(7);
const bytesOf = (n: number) => noise.bytes(n).toString("base64");
const laravel = (tag = "") =>
  JSON.stringify({ iv: bytesOf(16), value: bytesOf(96), mac: noise.bytes(32).toString("hex"), tag });

it.each([
  // What was sealed and its vector, then a signature of 20 bytes: their number, and how long each piece is.
  [
    "Rails before 5.2",
    `${escaped(outer(`${bytesOf(208)}--${bytesOf(16)}`))}--${"3d5c0b1a".repeat(5)}`,
    208 + 16 + 20 + 12,
  ],
  ["Laravel", escaped(outer(laravel())), 16 + 96 + 32 + 10],
  ["Laravel with a tag", outer(laravel(bytesOf(16))), 16 + 96 + 32 + 16 + 12],
])("packs what is sealed within what is signed: %s", (_, text, bytes) => {
  const packed = packedText(text, { sealed: true });
  expect(packed?.length).toBeLessThanOrEqual(bytes);
  expect(packed && read(packed)).toBe(text);
  // Who does not know of it gets it as before.
  const plain = packedText(text);
  expect(plain?.length).toBeGreaterThan(bytes * 1.25);
  expect(plain && read(plain)).toBe(text);
});

it.each([
  ["base64 of noise", bytesOf(60)],
  ["base64 of a text that is no base64", outer("user: someone, since: yesterday")],
  ["base64 that is not as it is written", `${outer("abcd--efgh").slice(0, -3)}h==`],
  ["base64 of base64 of base64", outer(outer(outer("q0+/q0+/")))],
  ["JSON with other members", outer('{"iv":"abcd","value":"abcd","mac":"abcd"}')],
  ["JSON with escapes", outer('{"iv":"ab\\\\/d","value":"abcd","mac":"abcd","tag":""}')],
  ["base64 of nothing between separators", outer("abcd----efgh")],
])("comes as it was: %s", (_, text) => {
  const packed = packedText(text, { sealed: true });
  expect(packed && read(packed)).toBe(text);
});

it.each([
  ["a sealed piece in a sealed piece", "01 07 01 07 01 10 00"],
  ["a sealed piece in hexadecimal", "01 03 01 10 00"],
  ["of an unknown kind", "01 27 01 10 00"],
  ["that is longer than it may be", `01 07 01 c4 c0 01 ${"00".repeat(1155)}`],
])("refuses %s", (_, hex) => {
  expect(() => readPackedText(new ByteReader(Buffer.from(hex.replaceAll(" ", ""), "hex")))).toThrow();
});
