/** Coders that keep a dictionary: what each makes of a page is what one of its own makes, whatever was coded before. */
import { randomBytes } from "node:crypto";
import { constants, createZstdCompress, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { expect, it, vi } from "vitest";
import {
  DictionaryCoders,
  MOST_CODERS,
  MOST_KEPT_BYTES,
} from "../../../edge-side/compress/dictionary-coders.ts";
import { fingerprintOf } from "../../../protocol/store/fingerprint.ts";
import { pageOf } from "../../kit/changing-site.ts";

const params = { [constants.ZSTD_c_compressionLevel]: 5, [constants.ZSTD_c_windowLog]: 20 };
const open = () => {
  const made: ReturnType<typeof createZstdCompress>[] = [];
  const make = vi.fn((dictionary: Buffer) => {
    const coder = createZstdCompress({ dictionary, params });
    made.push(coder);
    return coder;
  });
  return { coders: new DictionaryCoders(make), make, made };
};
const dictionaryOf = (body: Buffer) =>
  ({ name: fingerprintOf(body), body, coding: "dcz", padded: false, audience: "visitor" }) as const;

const NEWS = pageOf(1, "yesterday");
const DICTIONARY = dictionaryOf(NEWS);

it("pages one after the other are what a coder of their own makes of them, and the dictionary is read once", () => {
  const { coders, make } = open();
  expect(coders.code(DICTIONARY, NEWS)).toBeUndefined();
  const secret = randomBytes(20_000);
  for (const page of [pageOf(1, "today"), secret, secret, pageOf(2, "today"), Buffer.from("x")]) {
    const coded = coders.code(DICTIONARY, page) ?? Buffer.alloc(0);
    expect(zstdDecompressSync(coded, { dictionary: NEWS }).equals(page)).toBe(true);
    const anew = zstdCompressSync(page, { dictionary: NEWS, params, pledgedSrcSize: page.length });
    expect(coded.equals(anew)).toBe(true);
  }
  expect(make).toHaveBeenCalledTimes(1);
});

it("dictionaries that are used once, however many, have none", () => {
  const { coders, make } = open();
  for (let round = 0; round < 2; round++)
    for (let n = 0; n <= MOST_CODERS; n++)
      expect(coders.code(dictionaryOf(pageOf(1, `${n}`)), NEWS)).toBeUndefined();
  expect(make).not.toHaveBeenCalled();
});

it("of more than a few the one that was not used for longest ends, and all of them at forget", () => {
  const { coders, made } = open();
  for (let n = 0; n <= MOST_CODERS; n++)
    for (let time = 0; time < 2; time++) coders.code(dictionaryOf(pageOf(1, `${n}`)), NEWS);
  expect(made.map(({ destroyed }) => destroyed)).toEqual([true, ...Array(MOST_CODERS).fill(false)]);
  coders.clear();
  expect(made.every(({ destroyed }) => destroyed)).toBe(true);
  expect(coders.code(dictionaryOf(pageOf(1, "1")), NEWS)).toBeUndefined();
});

it("none for what takes long: a large page, a large dictionary", () => {
  const { coders } = open();
  const large = Buffer.alloc(MOST_KEPT_BYTES + 1, "text ");
  for (let time = 0; time < 2; time++) {
    expect(coders.code(DICTIONARY, large)).toBeUndefined();
    expect(coders.code(dictionaryOf(large), NEWS)).toBeUndefined();
  }
});
