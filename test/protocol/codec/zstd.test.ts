import { constants, zstdCompressSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { DeltaError } from "../../../protocol/codec/codec.ts";
import {
  PAGE_WEIGHT,
  SYNC_DECODE_BYTES,
  SYNC_ENCODE_BYTES,
  ZSTD_MOST_BYTES,
  zstdCodec,
  zstdPoolLoad,
} from "../../../protocol/codec/zstd.ts";
import { windowLogFor } from "../../../protocol/codec/zstd-params.ts";
import { FULL_POOL } from "../../../protocol/runtime/event-loop-load.ts";
import { seeded } from "../../kit/random.ts";
import { madePage } from "./made-pages.ts";

const MIB = 1 << 20;
const { encode, decode } = zstdCodec;

describe("a zstd delta", () => {
  it("has no magic number, and a frame header of two bytes", async () => {
    const page = madePage(seeded(), 5);
    const delta = await encode([], page);
    expect(delta[0], "descriptor").toBe(0);
    expect(delta[1], "window: 2 KiB, exponent 11 - 10").toBe((windowLogFor(page.length) - 10) << 3);
  });

  it("of an empty page is five bytes", async () => {
    expect((await encode([], Buffer.alloc(0))).toString("hex")).toBe("0000" + "010000");
  });

  it("sits in a buffer of its own size", async () => {
    const delta = await encode([], madePage(seeded(), 50));
    expect(delta.buffer.byteLength).toBe(delta.length);
  });

  it("takes pieces from every base", async () => {
    const random = seeded();
    const bases = Array.from({ length: 4 }, () => random.bytes(20_000));
    const page = Buffer.concat(bases.map((base) => base.subarray(5_000, 15_000)));
    expect((await encode(bases, page)).length).toBeLessThan(120);
  });

  it("reaches a base of 3 MiB through a page of 3 MiB", async () => {
    const random = seeded();
    const [far, near] = [random.bytes(3 * MIB), random.bytes(200_000)] as const;
    const page = Buffer.concat([far.subarray(0, 1000), Buffer.from("new"), far.subarray(1000)]);
    const delta = await encode([far, near], page);
    expect(delta.length).toBeLessThan(2_000);
    expect((await decode([far, near], delta, { pageBytes: page.length })).equals(page)).toBe(true);
  });

  it("never is two frames, however zlib's output buffer fills", async () => {
    const bytes = seeded().bytes(1024);
    // Random bytes take their own size and 9 bytes of frame: at one length exactly the smallest buffer, 1024.
    for (let length = 1000; length <= 1024; length++) {
      const page = bytes.subarray(0, length);
      const delta = await encode([], page);
      expect((await decode([], delta, { pageBytes: length })).equals(page), `${length}`).toBe(true);
    }
  });

  it.each([
    [SYNC_ENCODE_BYTES, PAGE_WEIGHT],
    [SYNC_DECODE_BYTES, 1],
  ])(
    "comes back made at once or in the pool: %i bytes, of which those of the page count %i times",
    async (edge, weight) => {
      const random = seeded();
      const base = madePage(random, 200);
      for (const totalBytes of [edge - weight, edge, edge + weight]) {
        const page = Buffer.alloc((totalBytes - base.length) / weight, base.subarray(7));
        const delta = await encode([base], page);
        expect(delta.length, `${totalBytes}`).toBeLessThan(1_000);
        expect((await decode([base], delta, { pageBytes: page.length })).equals(page)).toBe(true);
      }
    },
  );
});

it("pages in the pool count as its load until they are made, and those made at once do not", async () => {
  const page = madePage(seeded(), 200);
  const quick = encode([], page);
  expect(zstdPoolLoad()).toBe(0);
  const large = Buffer.alloc(SYNC_ENCODE_BYTES / PAGE_WEIGHT + 1, page);
  const slow = Array.from({ length: FULL_POOL }, () => encode([], large));
  expect(zstdPoolLoad()).toBe(1);
  await Promise.all([quick, ...slow]);
  expect(zstdPoolLoad()).toBe(0);
});

describe("bases that zstd would misread", () => {
  const magic = Buffer.concat([Buffer.from("37a430ec", "hex"), Buffer.alloc(5000, "trained?")]);

  it("are not accepted", () => {
    expect(zstdCodec.accepts(magic)).toBe(false);
  });

  it.each([{ bases: [magic] }, { bases: [Buffer.from("fine"), magic] }, { bases: [Buffer.alloc(0)] }])(
    "are refused when used nevertheless, both ways ($bases.length)",
    async ({ bases }) => {
      await expect(encode(bases, Buffer.from("page"))).rejects.toThrow(DeltaError);
      const delta = await encode([], Buffer.from("page"));
      await expect(decode(bases, delta, { pageBytes: 10 })).rejects.toThrow(DeltaError);
      expect(() => zstdCodec.streaming.encoder(bases)).toThrow(DeltaError);
      expect(() => zstdCodec.streaming.decoder(bases, { pageBytes: 10 })).toThrow(DeltaError);
    },
  );
});

describe("zstd's bounds", () => {
  it("fit up to the largest window", () => {
    expect(zstdCodec.fits(ZSTD_MOST_BYTES - 1, 1)).toBe(true);
    expect(zstdCodec.fits(ZSTD_MOST_BYTES, 1)).toBe(false);
  });

  it("make an encoder refuse what does not fit", async () => {
    const much = Buffer.alloc(ZSTD_MOST_BYTES);
    await expect(encode([much], Buffer.from("x"))).rejects.toThrow(DeltaError);
  });

  it.each([
    [0, 10],
    [1, 10],
    [1024, 10],
    [1025, 11],
    [MIB, 20],
    [MIB + 1, 21],
    [2 ** 27, 27],
    [2 ** 27 + 1, 27],
  ])("cover %i bytes by a window of 2^%i", (bytes, windowLog) => {
    expect(windowLogFor(bytes)).toBe(windowLog);
  });
});

describe("hostile zstd deltas", () => {
  const base = Buffer.alloc(1000, "base");
  const limits = { pageBytes: 64 * 1024 };
  const descriptor = {
    plain: 0x00,
    sizeOf8Bytes: 0xc0,
    dictionaryId: 0x01,
    checksum: 0x04,
    oneSegment: 0x20,
  };
  const lastRaw1 = [0x09, 0x00, 0x00, 0x61];
  const window = (log: number) => (log - 10) << 3;

  it.each([
    { claim: "a window of 4 GiB", frame: [descriptor.plain, window(32), ...lastRaw1] },
    { claim: "the largest window there is", frame: [descriptor.plain, 0xff, ...lastRaw1] },
    {
      claim: "a window just above what base and page can need",
      frame: [descriptor.plain, window(17) | 1, ...lastRaw1],
    },
    {
      claim: "a page of 4 GiB",
      frame: [descriptor.sizeOf8Bytes, window(16), 0, 0, 0, 0, 1, 0, 0, 0, ...lastRaw1],
    },
    { claim: "a dictionary id", frame: [descriptor.dictionaryId, window(16), 7, ...lastRaw1] },
    { claim: "a checksum", frame: [descriptor.checksum, window(16), ...lastRaw1, 1, 2, 3, 4] },
    { claim: "a single segment", frame: [descriptor.oneSegment, 1, ...lastRaw1] },
    { claim: "to be a skippable frame", frame: [0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0] },
    {
      claim: "its own magic number",
      frame: [0x28, 0xb5, 0x2f, 0xfd, descriptor.plain, window(16), ...lastRaw1],
    },
    { claim: "nothing", frame: [] },
  ])("are refused: $claim", async ({ frame }) => {
    await expect(decode([base], Buffer.from(frame), limits)).rejects.toThrow(DeltaError);
  });

  it("but the largest window that base and page can need is granted", async () => {
    const frame = Buffer.from([descriptor.plain, window(17), ...lastRaw1]);
    expect((await decode([base], frame, limits)).toString()).toBe("a");
  });

  it("are refused: second frames, skippable frames and magic numbers after the first", async () => {
    const delta = await encode([base], Buffer.from("page"));
    const second = zstdCompressSync("second", { params: { [constants.ZSTD_c_contentSizeFlag]: 0 } });
    for (const more of [second, second.subarray(0, 4), Buffer.from("502a4d1800000000", "hex"), delta]) {
      await expect(decode([base], Buffer.concat([delta, more]), limits)).rejects.toThrow(DeltaError);
    }
  });

  it("never grow beyond the limit: runs that would fill 16 MiB", async () => {
    const run = Buffer.from([0x02, 0x00, 0x10, 0x61]); // a run of 128 KiB
    const blocks = Buffer.concat(Array.from({ length: 128 }, () => run));
    const bomb = Buffer.concat([
      Buffer.from([descriptor.plain, window(17)]),
      blocks,
      Buffer.from([0x01, 0x00, 0x00]),
    ]);
    await expect(decode([base], bomb, limits)).rejects.toThrow(DeltaError);
    await expect(decode([base], bomb, { pageBytes: 16 * MIB - 1 })).rejects.toThrow(DeltaError);
  });
});
