/** Pages in dcz and dcb, byte for byte as RFC 9842 has them. */
import { brotliDecompressSync, zstdDecompressSync } from "node:zlib";
import { expect, it } from "vitest";
import { CompressorPool } from "../../../edge-side/compress/compressor-pool.ts";
import { MemoryBudget } from "../../../protocol/runtime/memory-budget.ts";
import { fingerprintOf } from "../../../protocol/store/fingerprint.ts";
import { pageOf } from "../../kit/changing-site.ts";

const BODY = pageOf(1, "yesterday");
const PAGE = pageOf(1, "today");
const NAME = fingerprintOf(BODY);
const HASH = Buffer.from(NAME, "latin1");
const DCZ = Buffer.concat([Buffer.from("5e2a4d1820000000", "hex"), HASH]);
const DCB = Buffer.concat([Buffer.from("ff444342", "hex"), HASH]);

const budgetOf = (bytes: number) => new MemoryBudget({ totalBytes: bytes, shareBytes: bytes });
const compressor = (coding: "dcz" | "dcb", padded = false, memory = budgetOf(2 ** 26)) => {
  const taken = new CompressorPool(memory, () => 0).take(["br"], "k", {
    name: NAME,
    body: BODY,
    coding,
    padded,
    audience: "visitor",
  });
  if (taken === undefined) throw new Error("no compressor");
  return taken;
};

const DECODE = {
  // Node stops behind the first frame, which the prefix is.
  dcz: (coded: Buffer) => zstdDecompressSync(coded.subarray(DCZ.length), { dictionary: BODY }),
  dcb: (coded: Buffer) => brotliDecompressSync(coded.subarray(DCB.length), { dictionary: BODY } as object),
};

it.each([
  ["dcz", DCZ],
  ["dcb", DCB],
] as const)("%s: its magic, the hash, and next to nothing else", async (coding, prefix) => {
  const coded = await compressor(coding).encode(PAGE, { often: false });
  expect(coded.subarray(0, prefix.length)).toEqual(prefix);
  expect(DECODE[coding](coded).equals(PAGE)).toBe(true);
  expect(coded.length).toBeLessThan(prefix.length + 60);
});

it.each(["dcz", "dcb"] as const)(
  "%s as it comes: all that was written can be decoded after a flush",
  async (coding) => {
    const stream = compressor(coding);
    const coded = [await stream.write(PAGE.subarray(0, 3_000)), await stream.flush()];
    expect(Buffer.concat(coded).length).toBeGreaterThan(40);
    coded.push(await stream.write(PAGE.subarray(3_000)), await stream.end());
    stream.release();
    expect(DECODE[coding](Buffer.concat(coded)).equals(PAGE)).toBe(true);
    expect(Buffer.concat(coded).length).toBeLessThan(200);
  },
);

it("padded: sizes in steps of 64 bytes, and the same page", async () => {
  for (const news of ["a", "something longer than that", "123 and 456"]) {
    const page = pageOf(1, news);
    const coded = await compressor("dcz", true).encode(page, { often: false });
    expect(coded.length % 64).toBe(0);
    expect(DECODE.dcz(coded).equals(page)).toBe(true);
  }
});

it("the window covers dictionary and page, and is never above 8 MiB", async () => {
  const coded = await compressor("dcz").encode(PAGE, { often: false });
  // RFC 8878 section 3.1.1.1: the descriptor says whether a window follows, or the page's length is one.
  const single = ((coded[DCZ.length + 4] ?? 0) & 0x20) !== 0;
  const exponent = (coded[DCZ.length + 5] ?? 0) >> 3;
  expect(single || exponent + 10 <= 23).toBe(true);
});

it("without memory for the dictionary the page is coded as for anybody", () => {
  const memory = budgetOf(2.25 * 2 ** 20);
  expect(compressor("dcb", false, memory).coding).toBe("br");
});
