/** protocol/headers/packed-text.ts: sealed and signed cookie values in the bits that they have. */
import { expect, it } from "vitest";
import { MOST_PIECES, packedText, readPackedText } from "../../../protocol/headers/packed-text.ts";
import { ByteReader } from "../../../protocol/wire/bytes.ts";
import { seeded } from "../../kit/random.ts";

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
