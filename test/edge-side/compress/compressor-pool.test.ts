import {
  brotliCompressSync,
  brotliDecompressSync,
  constants,
  gunzipSync,
  zstdDecompressSync,
} from "node:zlib";
import { expect, it } from "vitest";
import {
  CompressorPool,
  INLINE_BYTES,
  levelsAt,
  QUICK_FROM_LOAD,
  QUICK_INLINE_BYTES,
} from "../../../edge-side/compress/compressor-pool.ts";
import { CODINGS, type Coding } from "../../../protocol/http/accept-encoding.ts";
import { FULL_POOL } from "../../../protocol/runtime/event-loop-load.ts";
import { MemoryBudget } from "../../../protocol/runtime/memory-budget.ts";
import { seeded } from "../../kit/random.ts";
import { madePage } from "../../protocol/codec/made-pages.ts";

const DECODE: Record<Coding, (bytes: Buffer) => Buffer> = {
  br: brotliDecompressSync,
  zstd: zstdDecompressSync,
  gzip: gunzipSync,
};

const encoded = async (page: Buffer, coding: Coding, load: number, often = false): Promise<Buffer> => {
  const memory = new MemoryBudget({ totalBytes: 2 ** 30, shareBytes: 2 ** 30 });
  const encoder = new CompressorPool(memory, () => load).take([coding], "k");
  try {
    return (await encoder?.encode(page, { often })) ?? Buffer.alloc(0);
  } finally {
    encoder?.release();
    expect(memory.usedBytes).toBe(0);
  }
};

it.each(CODINGS)("a page in %s is the page, done here or by another thread, at any load", async (coding) => {
  const text = Buffer.from("so it goes on ".repeat(2_000));
  for (const bytes of [INLINE_BYTES, INLINE_BYTES + 1])
    for (const load of [0, 0.9, 1]) {
      const page = text.subarray(0, bytes);
      expect(DECODE[coding](await encoded(page, coding, load)).equals(page)).toBe(true);
    }
});

it.each(CODINGS)(
  "what a page takes in %s tells nothing of the page that another visitor got before",
  async (coding) => {
    const random = seeded();
    const filler = Array.from({ length: 300 }, () => random.int(0, 9)).join("");
    // It ends with what it begins with, and what stood behind that end in an earlier page must not matter.
    const page = `here?${filler}here`;
    const after = async (before: string): Promise<Buffer> => {
      await encoded(Buffer.from(page + before), coding, 0);
      return await encoded(Buffer.from(page), coding, 0);
    };
    expect((await after("?")).equals(await after("!"))).toBe(true);
  },
);

it.each(CODINGS)(
  "a page in %s gets larger, and still much smaller than it is, in a saturated edge",
  async (coding) => {
    // Of some sizes, whatever is in them, zstd makes less at level 1 than at 5 (1.5.7: the match finders differ); not of this one.
    const page = madePage(seeded(), 1000);
    const [idle, saturated] = [await encoded(page, coding, 0), await encoded(page, coding, 1)];
    expect(saturated.length).toBeGreaterThan(idle.length);
    expect(saturated.length).toBeLessThan(page.length / 2);
  },
);

it.each([0, 1])("a page that zstd compresses says how long it is, at load %d", async (load) => {
  const page = madePage(seeded(), 300);
  const frame = await encoded(page, "zstd", load);
  // RFC 8878, 3.1.1.1: no window, as the page is all of it, and a content size of two bytes, less 256, behind the descriptor.
  expect([(frame[4] ?? 0) >> 6, (frame[4] ?? 0) & 0x20]).toEqual([1, 0x20]);
  expect(frame.readUInt16LE(5) + 256).toBe(page.length);
});

it.each([
  [QUICK_INLINE_BYTES, 0],
  [QUICK_INLINE_BYTES + 1, 1],
])("a page of %i bytes keeps a saturated edge's thread pool busy with %i", async (bytes, inPool) => {
  const memory = new MemoryBudget({ totalBytes: 2 ** 30, shareBytes: 2 ** 30 });
  const encoders = new CompressorPool(memory, () => 1);
  const encoder = encoders.take(["zstd"], "k");
  const page = Buffer.alloc(bytes, "so it goes on ");
  const coded = encoder?.encode(page, { often: false });
  expect(encoders.inPool).toBe(inPool);
  expect(DECODE.zstd((await coded) ?? page).equals(page)).toBe(true);
  encoder?.release();
});

it("a page that is kept gets the best level whatever the load", async () => {
  const page = madePage(seeded(), 20);
  const best = brotliCompressSync(page, {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: levelsAt(0).br,
      [constants.BROTLI_PARAM_LGWIN]: 20,
      [constants.BROTLI_PARAM_MODE]: constants.BROTLI_MODE_TEXT,
    },
  });
  expect((await encoded(page, "br", 1, true)).equals(best)).toBe(true);
  expect((await encoded(page, "br", 1)).equals(best)).toBe(false);
});

it("levels fall with the load, at its named steps", () => {
  const loads = [0, 0.8, 0.81, 0.95, 0.96, 1, 2];
  expect(loads.map((load) => levelsAt(load).br)).toEqual([5, 5, 3, 3, 1, 1, 1]);
  expect(loads.map((load) => levelsAt(load).zstd)).toEqual([5, 3, 1, 1, 1, 1, 1]);
});

it("levels fall with what is in the thread pool too, and rise again when it is done", async () => {
  const memory = new MemoryBudget({ totalBytes: 2 ** 30, shareBytes: 2 ** 30 });
  const encoders = new CompressorPool(memory, () => 0);
  const page = madePage(seeded(), 300);
  expect(page.length).toBeGreaterThan(INLINE_BYTES);
  const encodeOne = async (): Promise<number> => {
    const encoder = encoders.take(["br"], "k");
    const coded = (await encoder?.encode(page, { often: false })) ?? Buffer.alloc(0);
    encoder?.release();
    return coded.length;
  };
  const alone = await encodeOne();
  const crowd = await Promise.all(Array.from({ length: FULL_POOL + 1 }, encodeOne));
  // The first find room, the last a pool that is full.
  expect(crowd[0]).toBe(alone);
  expect(crowd.at(-1)).toBe((await encoded(page, "br", 1)).length);
  expect(crowd.at(-1)).toBeGreaterThan(alone);
  expect(await encodeOne()).toBe(alone);
});

it("time is short above a load, of the event loop or of the thread pool, and not at it", async () => {
  const memory = new MemoryBudget({ totalBytes: 2 ** 30, shareBytes: 2 ** 30 });
  const isShort = (load: number) => new CompressorPool(memory, () => load).isShortOfTime;
  expect([0, QUICK_FROM_LOAD, QUICK_FROM_LOAD + 0.01].map(isShort)).toEqual([false, false, true]);
});
