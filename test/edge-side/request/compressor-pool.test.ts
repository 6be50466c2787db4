import { expect, it } from "vitest";
import { REQUEST_ENCODER_BYTES, RequestCompressorPool } from "../../../edge-side/request/compressor-pool.ts";
import { MOST_STREAMED_REQUESTS } from "../../../protocol/frames/request-coding.ts";
import { MemoryBudget } from "../../../protocol/runtime/memory-budget.ts";
import { FakeClock } from "../../kit/fake-clock.ts";

const linkOf = (features: readonly string[] = ["requests"]) => ({
  keyId: "k",
  peer: { features, storeId: "s" },
});
const encodersWith = (bytes: number) => {
  const memory = new MemoryBudget({ totalBytes: bytes, shareBytes: bytes });
  return { memory, encoders: new RequestCompressorPool({ clock: new FakeClock(), memory }) };
};

it("requests are coded on links that agreed", () => {
  const { encoders } = encodersWith(1);
  expect(encoders.serve(linkOf())).toBe(true);
  expect(encoders.serve(linkOf(["push"]))).toBe(false);
});

it("so many run on one link, and each that is released makes place for another", () => {
  const { memory, encoders } = encodersWith(1 << 26);
  const [link, other] = [linkOf(), linkOf()];
  const lent = Array.from({ length: MOST_STREAMED_REQUESTS }, () => encoders.take(link));
  expect(lent.every((each) => each !== undefined)).toBe(true);
  expect(encoders.take(link)).toBeUndefined();
  const elsewhere = encoders.take(other);
  expect(elsewhere).toBeDefined();
  expect(memory.usedBytes).toBe((MOST_STREAMED_REQUESTS + 1) * REQUEST_ENCODER_BYTES);
  lent[0]?.release();
  lent[0]?.release();
  lent[0] = encoders.take(link);
  expect(lent[0]).toBeDefined();
  expect(encoders.take(link)).toBeUndefined();
  for (const each of [...lent, elsewhere]) {
    each?.encoder.destroy();
    each?.release();
  }
  expect(memory.usedBytes).toBe(0);
});

it("none is made without memory for it", () => {
  const { memory, encoders } = encodersWith(2 * REQUEST_ENCODER_BYTES - 1);
  const link = linkOf();
  const lent = encoders.take(link);
  expect(encoders.take(link)).toBeUndefined();
  expect(memory.usedBytes).toBe(REQUEST_ENCODER_BYTES);
  lent?.encoder.destroy();
  lent?.release();
  expect(encoders.take(link)).toBeDefined();
});
