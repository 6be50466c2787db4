import { constants, zstdCompressSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { DeltaError } from "../../../protocol/codec/codec.ts";
import { FrameWalk, withMagic, withoutMagic } from "../../../protocol/codec/zstd-frame.ts";

const hex = (labelled: string): Buffer => Buffer.from(labelled.replaceAll(/[^0-9a-f]/g, ""), "hex");

const HEAD = "00 20"; // descriptor | window 16 KiB
const RAW_2 = "11 00 00  aa bb"; // last, raw, 2 bytes | the bytes
const RUN_300 = "62 09 00  cc"; // run of 300 | the byte
const CODED_4 = "24 00 00  01 02 03 04"; // compressed, 4 bytes | the bytes
const EMPTY_LAST = "01 00 00"; // last, raw, 0 bytes

describe("FrameWalk", () => {
  it.each([
    { blocks: RAW_2, mostPageBytes: 2 },
    { blocks: EMPTY_LAST, mostPageBytes: 0 },
    { blocks: `${RUN_300} ${RAW_2}`, mostPageBytes: 302 },
    { blocks: `${CODED_4} ${RUN_300} ${EMPTY_LAST}`, mostPageBytes: 131_072 + 300 },
  ])("ends with the last block: $blocks", ({ blocks, mostPageBytes }) => {
    const frame = hex(`${HEAD} ${blocks}`);
    for (let cut = 0; cut <= frame.length; cut++) {
      const walk = new FrameWalk();
      expect(walk.take(frame.subarray(0, cut))).toBe(cut);
      expect(walk.ended, `cut at ${cut}`).toBe(cut === frame.length);
      expect(walk.take(Buffer.concat([frame.subarray(cut), Buffer.alloc(7)]))).toBe(frame.length - cut);
      expect([walk.ended, walk.mostPageBytes]).toEqual([true, mostPageBytes]);
      expect(walk.take(Buffer.alloc(1)), "nothing more belongs to it").toBe(0);
    }
  });

  it("takes no descriptor but 0: no size, dictionary id or checksum can be claimed", () => {
    for (let descriptor = 1; descriptor < 256; descriptor++) {
      expect(() => new FrameWalk().take(Buffer.of(descriptor)), `${descriptor}`).toThrow(DeltaError);
    }
  });

  it("refuses the reserved block type and a block above 128 KiB", () => {
    const taking = (blockHeader: number) => () => {
      const bytes = Buffer.from([0, 0x50, 0, 0, 0]);
      bytes.writeUIntLE(blockHeader, 2, 3);
      new FrameWalk().take(bytes);
    };
    const [RAW, RUN, CODED, RESERVED] = [0, 1, 2, 3] as const;
    const most = 128 * 1024;
    for (const type of [RAW, RUN, CODED]) {
      expect(taking((most << 3) | (type << 1))).not.toThrow();
      expect(taking(((most + 1) << 3) | (type << 1))).toThrow(DeltaError);
    }
    expect(taking((1 << 3) | (RESERVED << 1))).toThrow(DeltaError);
  });
});

describe("withoutMagic", () => {
  const params = { [constants.ZSTD_c_contentSizeFlag]: 0 };
  const page = Buffer.from(Array.from({ length: 200 }, (_, at) => at));

  it("leaves one frame where zlib made two, its output buffer being exactly full", () => {
    const frame = zstdCompressSync(page, { params });
    const full = zstdCompressSync(page, { params, chunkSize: frame.length });
    expect(withoutMagic(full)).toEqual(frame.subarray(4));
    expect(withoutMagic(Buffer.concat([frame, frame]))).toEqual(frame.subarray(4));
  });

  it("is undone by withMagic", () => {
    const frame = zstdCompressSync(page, { params });
    expect(withMagic(withoutMagic(frame))).toEqual(frame);
  });
});
