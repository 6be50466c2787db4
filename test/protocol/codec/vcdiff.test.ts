import { describe, expect, it } from "vitest";
import { DeltaError } from "../../../protocol/codec/codec.ts";
import { VCDIFF_BASES_BYTES, VCDIFF_PAGE_BYTES, vcdiffCodec } from "../../../protocol/codec/vcdiff.ts";
import { xdeltaDecode } from "../../../protocol/codec/xdelta.ts";
import { zstdCodec } from "../../../protocol/codec/zstd.ts";
import { seeded } from "../../kit/random.ts";
import { laterPage, madePage, madeVersions } from "./made-pages.ts";

const { encode, decode, fits } = vcdiffCodec;
const LIMIT = { pageBytes: VCDIFF_PAGE_BYTES } as const;
const [STORED, COMPRESSED] = [0, 1] as const;

/** RFC 3284, 4: a page "xy" without a base, written by hand. */
const BY_HAND = Buffer.from(
  [
    "d6c3c4 00 00", // VCD | version 0 | nothing extra
    "00", // a window without source
    "08 02 00", // 8 bytes follow | page of 2 | sections not compressed
    "02 01 00", // data 2, instructions 1, addresses 0
    "7879 03", // "xy" | ADD of size 2
  ]
    .join("")
    .replaceAll(" ", ""),
  "hex",
);

describe("a vcdiff delta", () => {
  it("is an RFC 3284 delta after one byte, or that compressed by zstd", async () => {
    const [base, page] = madeVersions(seeded(), { rows: 200, count: 2 }) as [Buffer, Buffer];
    const small = await encode([base], base);
    expect(small[0]).toBe(STORED);
    expect(small.toString("hex", 1, 4)).toBe("d6c3c4");
    const large = await encode([], page);
    expect(large[0]).toBe(COMPRESSED);
    const plain = await zstdCodec.decode([], large.subarray(1), LIMIT);
    expect(plain.toString("hex", 0, 3)).toBe("d6c3c4");
    expect(Buffer.from(await xdeltaDecode(Buffer.alloc(0), plain, page.length))).toEqual(page);
  });

  it("may come from another encoder", async () => {
    expect((await decode([], Buffer.concat([Buffer.of(STORED), BY_HAND]), LIMIT)).toString()).toBe("xy");
    const compressed = await zstdCodec.encode([], BY_HAND);
    expect((await decode([], Buffer.concat([Buffer.of(COMPRESSED), compressed]), LIMIT)).toString()).toBe(
      "xy",
    );
  });

  it("without bases is about what zstd makes of the page", async () => {
    const page = madePage(seeded(), 300);
    expect((await encode([], page)).length).toBeLessThan((await zstdCodec.encode([], page)).length * 1.1);
  });

  it("takes pieces from every base", async () => {
    const random = seeded();
    const bases = Array.from({ length: 4 }, () => random.bytes(20_000));
    const page = Buffer.concat(bases.map((base) => base.subarray(5_000, 15_000)));
    expect((await encode(bases, page)).length).toBeLessThan(150);
  });
});

describe("vcdiff's bounds", () => {
  it("hold at their edge, together, even when nothing matches", async () => {
    const random = seeded();
    const piece = random.bytes(VCDIFF_PAGE_BYTES);
    const base = Buffer.alloc(VCDIFF_BASES_BYTES / 2, random.bytes(VCDIFF_BASES_BYTES / 2));
    const bases = [base, Buffer.from(base.map((byte) => byte ^ 0x5a))];
    expect(fits(VCDIFF_BASES_BYTES, VCDIFF_PAGE_BYTES)).toBe(true);
    const delta = await encode(bases, piece);
    expect((await decode(bases, delta, LIMIT)).equals(piece)).toBe(true);
  });

  it("refuse one byte more, of page or bases, both ways", async () => {
    const page = Buffer.from("page");
    const tooMuch = Buffer.alloc(VCDIFF_BASES_BYTES + 1);
    expect(fits(VCDIFF_BASES_BYTES + 1, 0)).toBe(false);
    expect(fits(0, VCDIFF_PAGE_BYTES + 1)).toBe(false);
    await expect(encode([], Buffer.alloc(VCDIFF_PAGE_BYTES + 1))).rejects.toThrow(DeltaError);
    await expect(encode([tooMuch], page)).rejects.toThrow(DeltaError);
    await expect(decode([tooMuch], await encode([], page), LIMIT)).rejects.toThrow(DeltaError);
  });

  it("cap a decoder whose caller allows more", async () => {
    const much = Buffer.alloc(VCDIFF_PAGE_BYTES);
    const delta = await encode([], much);
    expect((await decode([], delta, { pageBytes: 2 ** 30 })).length).toBe(VCDIFF_PAGE_BYTES);
  });

  it("do not wear out: hundreds of refused deltas leave room for the next", async () => {
    const random = seeded();
    const base = random.bytes(500_000);
    const page = laterPage(random, madePage(random, 20));
    const delta = await encode([base], page);
    for (let round = 0; round < 300; round++) {
      const damaged = Buffer.from(delta);
      damaged[random.int(0, 20)] = random.int(0, 255);
      await decode([base], damaged, LIMIT).catch((error) => expect(error).toBeInstanceOf(DeltaError));
    }
    expect((await decode([base], delta, LIMIT)).equals(page)).toBe(true);
  });
});

describe("hostile vcdiff deltas", () => {
  const header = [0xd6, 0xc3, 0xc4, 0x00];
  const window = (...bytes: number[]) => [...header, 0x00, ...bytes];
  const base = Buffer.from("0123456789");

  it.each([
    { claim: "nothing", bytes: [] },
    { claim: "an unknown form", bytes: [2, ...header, 0] },
    { claim: "no window", bytes: [STORED, ...window()] },
    { claim: "application data", bytes: [STORED, ...header, 0x04, 0x01, 0x61] },
    { claim: "a secondary compressor", bytes: [STORED, ...header, 0x01, 0x02] },
    { claim: "a code table of its own", bytes: [STORED, ...header, 0x02, 0x01, 0x00] },
    {
      claim: "a page of 4 GiB",
      bytes: [STORED, ...window(0x00, 0x08, 0x8f, 0xff, 0xff, 0xff, 0x7f, 0, 2, 1, 0, 1, 2, 3)],
    },
    {
      claim: "a page of 16 MiB",
      bytes: [STORED, ...window(0x00, 0x08, 0x88, 0x80, 0x80, 0x00, 0, 2, 1, 0, 1, 2, 3)],
    },
    {
      claim: "a source beyond the base",
      bytes: [STORED, ...window(0x01, 0x7f, 0x00, 0x07, 0x10, 0, 0, 1, 1, 0x20, 0x00)],
    },
    {
      claim: "a source past the base",
      bytes: [STORED, ...window(0x01, 0x04, 0x0b, 0x07, 0x04, 0, 0, 1, 1, 0x14, 0x00)],
    },
    { claim: "a copy from the future", bytes: [STORED, ...window(0x00, 0x07, 0x04, 0, 0, 1, 1, 0x14, 0x05)] },
    {
      claim: "a number without end",
      bytes: [STORED, ...window(0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f)],
    },
  ])("are refused: $claim", async ({ bytes }) => {
    await expect(decode([base], Buffer.from(bytes), LIMIT)).rejects.toThrow(DeltaError);
  });

  it("are refused: an inner delta larger than any page needs", async () => {
    const tooMuch = await zstdCodec.encode([], Buffer.alloc(VCDIFF_PAGE_BYTES * 2));
    await expect(decode([], Buffer.concat([Buffer.of(COMPRESSED), tooMuch]), LIMIT)).rejects.toThrow(
      DeltaError,
    );
    await expect(decode([], Buffer.alloc(VCDIFF_PAGE_BYTES * 2), LIMIT)).rejects.toThrow(DeltaError);
  });
});
