// The compressor of requests that stream, in less memory than that of pages: its window, and that its decoder grants no larger.
import { expect, it } from "vitest";
import { requestDecoder, requestEncoder, zstdStreamEncoder } from "../../../protocol/codec/zstd-stream.ts";
import { seeded } from "../../kit/random.ts";

const WINDOW_BYTES = 2 ** 17;
const UNBOUNDED = { pageBytes: Number.POSITIVE_INFINITY };
const text = (rows: number): Buffer =>
  Buffer.from(Array.from({ length: rows }, (_, i) => `{"row":${i}}`).join(","));

it("a body comes back as it was, and small", async () => {
  const encoder = requestEncoder();
  const body = text(20_000);
  const coded = [await encoder.write(body), await encoder.flush(), await encoder.end()];
  expect(Buffer.concat(coded).length).toBeLessThan(body.length / 4);
  const decoder = requestDecoder(UNBOUNDED);
  const plain = [];
  for (const piece of coded) if (piece.length > 0) plain.push(await decoder.write(piece));
  plain.push(await decoder.end());
  expect(Buffer.concat(plain).equals(body)).toBe(true);
});

it("its window reaches back 128 KiB and no further", async () => {
  const random = seeded();
  const slab = random.bytes(10_000);
  const codedAgain = async (between: number): Promise<number> => {
    const encoder = requestEncoder();
    await encoder.write(slab);
    await encoder.write(random.bytes(between));
    await encoder.flush();
    await encoder.write(slab);
    const { length } = await encoder.flush();
    encoder.destroy();
    return length;
  };
  expect(await codedAgain(WINDOW_BYTES - 40_000)).toBeLessThan(1_000);
  expect(await codedAgain(WINDOW_BYTES)).toBeGreaterThan(9_000);
});

it("its decoder takes no frame with a larger window", async () => {
  const encoder = zstdStreamEncoder([]);
  const coded = Buffer.concat([await encoder.write(text(100)), await encoder.end()]);
  const decoder = requestDecoder(UNBOUNDED);
  await expect(decoder.write(coded)).rejects.toThrow(/zstd cannot go on/);
});
