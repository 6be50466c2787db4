import { inflateRawSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { DeltaError } from "../../../protocol/codec/codec.ts";
import { deflated, inflated } from "../../../protocol/codec/deflate.ts";
import { seeded } from "../../kit/random.ts";

const TEXT = "what a list of steps looks like, more or less; ";

describe("what is deflated", () => {
  it.each([0, 1, 300, 4096, 4097, 200_000])("comes back, also by another hand: %i bytes", (bytes) => {
    const plain = Buffer.from(TEXT.repeat(bytes / TEXT.length + 1)).subarray(0, bytes);
    const coded = deflated(plain);
    expect(inflated(coded, bytes).equals(plain)).toBe(true);
    expect(inflateRawSync(coded).equals(plain)).toBe(true);
    if (bytes >= 300) expect(coded.length).toBeLessThan(bytes / 4);
  });

  it("may be noise", () => {
    const noise = seeded().bytes(5_000);
    expect(inflated(deflated(noise), noise.length).equals(noise)).toBe(true);
  });
});

describe("refused is", () => {
  const coded = deflated(Buffer.from(TEXT.repeat(10)));

  it("what becomes longer than it may, by one byte", () => {
    expect(inflated(coded, 10 * TEXT.length).length).toBe(10 * TEXT.length);
    expect(() => inflated(coded, 10 * TEXT.length - 1)).toThrow(DeltaError);
  });

  it("what would fill the memory", () => {
    expect(() => inflated(deflated(Buffer.alloc(2 ** 24)), 1024)).toThrow(DeltaError);
  });

  it("what is cut, wherever", () => {
    for (let bytes = 0; bytes < coded.length; bytes++)
      expect(() => inflated(coded.subarray(0, bytes), 1 << 16), `${bytes} bytes`).toThrow(DeltaError);
  });

  it("a byte behind the end", () => {
    expect(() => inflated(Buffer.concat([coded, Buffer.of(0)]), 1 << 16)).toThrow(/after the end/);
  });
});
