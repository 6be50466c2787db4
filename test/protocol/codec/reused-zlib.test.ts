import { randomBytes } from "node:crypto";
import { Transform } from "node:stream";
import {
  constants,
  createGzip,
  createZstdCompress,
  gunzipSync,
  gzipSync,
  zstdCompressSync,
  zstdDecompressSync,
} from "node:zlib";
import { expect, it, vi } from "vitest";
import { reusedCoder } from "../../../protocol/codec/reused-zlib.ts";

const MOST = 64 * 1024;
const KINDS = [
  {
    name: "zstd",
    make: (level: number) => createZstdCompress({ params: { [constants.ZSTD_c_compressionLevel]: level } }),
    options: { end: constants.ZSTD_e_end, resets: false },
    undo: zstdDecompressSync,
    levels: [1, 3],
    anew: (page: Buffer, level: number) =>
      zstdCompressSync(page, {
        params: { [constants.ZSTD_c_compressionLevel]: level },
        pledgedSrcSize: page.length,
      }),
  },
  {
    name: "gzip",
    make: (level: number) => createGzip({ level }),
    options: { end: constants.Z_FINISH, resets: true },
    undo: gunzipSync,
    levels: [1, 6],
    anew: (page: Buffer, level: number) => gzipSync(page, { level }),
  },
] as const;

it.each(KINDS)("one page after the other in $name is what a coder of its own makes of it", (kind) => {
  const make = vi.fn(kind.make);
  const code = reusedCoder(make, kind.options, MOST);
  const text = Buffer.from("so it goes on, ".repeat(2_000));
  // What does not compress at all needs the most room; what comes behind it must not refer to it.
  const pages = [text, randomBytes(MOST), text.subarray(5, 400), Buffer.from("x"), text];
  for (const page of pages)
    for (const level of kind.levels) {
      const coded = code(page, level) ?? Buffer.alloc(0);
      expect(kind.undo(coded).equals(page)).toBe(true);
      expect(coded.equals(kind.anew(page, level))).toBe(true);
    }
  expect(make).toHaveBeenCalledTimes(kind.levels.length);
});

it("what came out stays as it is when the next page is coded", () => {
  const [zstd] = KINDS;
  const code = reusedCoder(zstd.make, zstd.options, MOST);
  const first = code(Buffer.from("first ".repeat(500)), 3) ?? Buffer.alloc(0);
  const before = Buffer.from(first);
  code(randomBytes(4_000), 3);
  expect(first.equals(before)).toBe(true);
});

it("a page beyond the bound, and a coder that has no such insides, are left to the caller", () => {
  const [zstd] = KINDS;
  expect(reusedCoder(zstd.make, zstd.options, 100)(Buffer.alloc(101), 3)).toBeUndefined();
  const code = reusedCoder(() => new Transform(), zstd.options, MOST);
  expect(code(Buffer.from("page"), 3)).toBeUndefined();
});

it("after a failure the next page gets another coder", () => {
  const [zstd] = KINDS;
  let fails = true;
  const make = vi.fn((level: number) => {
    const coder = zstd.make(level);
    if (fails) Object.assign(coder, { _handle: { writeSync: () => coder.emit("error", new Error("no")) } });
    return coder;
  });
  const code = reusedCoder(make, zstd.options, MOST);
  const page = Buffer.from("page ".repeat(100));
  expect(code(page, 3)).toBeUndefined();
  fails = false;
  expect(zstdDecompressSync(code(page, 3) ?? Buffer.alloc(0)).equals(page)).toBe(true);
  expect(make).toHaveBeenCalledTimes(2);
});
