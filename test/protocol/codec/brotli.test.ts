import { brotliCompressSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import {
  BROTLI_PAGE_BYTES,
  brotliCodec,
  SYNC_CODED_BYTES,
  SYNC_PAGE_BYTES,
} from "../../../protocol/codec/brotli.ts";
import { DeltaError } from "../../../protocol/codec/codec.ts";
import { zstdCodec } from "../../../protocol/codec/zstd.ts";
import { seeded } from "../../kit/random.ts";
import { madePage } from "./made-pages.ts";

const { accepts, decode, encode, fits } = brotliCodec;
const LIMIT = { pageBytes: 1 << 20 } as const;

describe("a page in brotli", () => {
  it.each([0, 1, 1000, SYNC_PAGE_BYTES, SYNC_PAGE_BYTES + 1, 300_000])(
    "of %i bytes comes back, in a buffer of its own size",
    async (bytes) => {
      const page = Buffer.alloc(bytes, madePage(seeded(), 50));
      const decoded = await decode([], await encode([], page), { pageBytes: bytes });
      expect(decoded.equals(page)).toBe(true);
      expect(decoded.buffer.byteLength).toBe(bytes);
    },
  );

  it("comes back whichever thread undoes it", async () => {
    const noise = seeded().bytes(SYNC_CODED_BYTES + 100);
    for (const page of [noise, noise.subarray(0, SYNC_CODED_BYTES - 100)])
      expect((await decode([], await encode([], page), LIMIT)).equals(page)).toBe(true);
  });

  it("is smaller than in zstd", async () => {
    const page = madePage(seeded(), 300);
    expect((await encode([], page)).length).toBeLessThan((await zstdCodec.encode([], page)).length);
  });

  it("may come from another encoder", async () => {
    expect((await decode([], brotliCompressSync("a page"), LIMIT)).toString()).toBe("a page");
  });
});

describe("brotli refuses", () => {
  const page = Buffer.from("a page ".repeat(100));

  it("bases, in both directions", async () => {
    expect([accepts(page), fits(1, 1), fits(0, 1)]).toEqual([false, false, true]);
    await expect(encode([page], page)).rejects.toThrow(DeltaError);
    await expect(decode([page], await encode([], page), LIMIT)).rejects.toThrow(DeltaError);
  });

  it("a page one byte above its most", async () => {
    expect([fits(0, BROTLI_PAGE_BYTES), fits(0, BROTLI_PAGE_BYTES + 1)]).toEqual([true, false]);
    await expect(encode([], Buffer.alloc(BROTLI_PAGE_BYTES + 1))).rejects.toThrow(DeltaError);
  });

  it("a page one byte above the limit", async () => {
    const coded = await encode([], page);
    expect((await decode([], coded, { pageBytes: page.length })).length).toBe(page.length);
    await expect(decode([], coded, { pageBytes: page.length - 1 })).rejects.toThrow(DeltaError);
    await expect(decode([], await encode([], Buffer.from("x")), { pageBytes: 0 })).rejects.toThrow(
      DeltaError,
    );
  });

  it.each([
    ["cut short", (coded: Buffer) => coded.subarray(0, -1)],
    ["bytes left over", (coded: Buffer) => Buffer.concat([coded, Buffer.of(0)])],
    ["nothing", () => Buffer.alloc(0)],
    ["noise", () => Buffer.alloc(100, 0xff)],
  ])("%s", async (_, damaged) => {
    await expect(decode([], damaged(await encode([], page)), LIMIT)).rejects.toThrow(DeltaError);
  });
});
