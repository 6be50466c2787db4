import { randomBytes } from "node:crypto";
import { Transform } from "node:stream";
import {
  constants,
  createZstdCompress,
  createZstdDecompress,
  zstdCompressSync,
  zstdDecompressSync,
} from "node:zlib";
import { expect, it, vi } from "vitest";
import { reusedUnzstd, reusedZstd } from "../../../protocol/codec/reused-zstd.ts";

const MOST = 64 * 1024;
const LEVELS = [1, 3, 5];
const options = (level: number) => ({ params: { [constants.ZSTD_c_compressionLevel]: level } });
const make = (level: number) => createZstdCompress(options(level));

it("one page after the other is what a coder of its own makes of it", () => {
  const makes = vi.fn(make);
  const code = reusedZstd(makes, MOST);
  const text = Buffer.from("so it goes on, ".repeat(2_000));
  // What does not compress at all needs the most room; what comes behind it must not refer to it.
  const pages = [text, randomBytes(MOST), text.subarray(5, 400), Buffer.from("x"), text];
  for (const page of pages)
    for (const level of LEVELS) {
      const coded = code(page, level) ?? Buffer.alloc(0);
      expect(zstdDecompressSync(coded).equals(page)).toBe(true);
      const anew = zstdCompressSync(page, { ...options(level), pledgedSrcSize: page.length });
      expect(coded.equals(anew)).toBe(true);
    }
  expect(makes).toHaveBeenCalledTimes(LEVELS.length);
});

it("what came out stays as it is when the next page is coded", () => {
  const code = reusedZstd(make, MOST);
  const first = code(Buffer.from("first ".repeat(500)), 3) ?? Buffer.alloc(0);
  const before = Buffer.from(first);
  code(randomBytes(4_000), 3);
  expect(first.equals(before)).toBe(true);
});

it("a page beyond the bound, and a coder that has no such insides, are left to the caller", () => {
  expect(reusedZstd(make, 100)(Buffer.alloc(101), 3)).toBeUndefined();
  const code = reusedZstd(() => new Transform(), MOST);
  expect(code(Buffer.from("page"), 3)).toBeUndefined();
});

it("a coder that fails gives nothing of the page before, and the next page gets another coder", () => {
  let fails = false;
  const makes = vi.fn((level: number) => {
    const coder = make(level);
    const { _handle: handle } = coder as unknown as { _handle: { writeSync: (...given: unknown[]) => void } };
    const writeSync = handle.writeSync.bind(handle);
    handle.writeSync = (...given) => {
      if (!fails) return writeSync(...given);
      coder.emit("error", new Error("no memory")); // as node does: what the coder says stays as it was
    };
    return coder;
  });
  const code = reusedZstd(makes, MOST);
  const page = Buffer.from("page ".repeat(100));
  expect(code(Buffer.from("somebody's secret"), 3)).toBeDefined();
  fails = true;
  expect(code(page, 3)).toBeUndefined();
  fails = false;
  expect(zstdDecompressSync(code(page, 3) ?? Buffer.alloc(0)).equals(page)).toBe(true);
  expect(makes).toHaveBeenCalledTimes(2);
});

it("undoes one page after the other, and what is no page of that length leaves nothing behind", () => {
  const makes = vi.fn(() => createZstdDecompress());
  const undo = reusedUnzstd(makes, MOST);
  const pages = ["so it goes on, ".repeat(2_000), "x", "", "another page ".repeat(30)].map((text) =>
    Buffer.from(text),
  );
  const undone = () => {
    for (const page of [...pages, randomBytes(MOST)]) {
      const body = undo(zstdCompressSync(page), page.length);
      expect([body?.buffer.byteLength, Buffer.from(body ?? "none").equals(page)]).toEqual([
        page.length,
        true,
      ]);
    }
  };
  undone();
  expect(makes).toHaveBeenCalledTimes(1);
  const page = pages[0] ?? Buffer.alloc(0);
  const coded = zstdCompressSync(page);
  for (const [input, bytes] of [
    [coded.subarray(0, -3), page.length],
    [coded, page.length - 1],
    [coded, page.length + 1],
    [coded.fill(7, 4, 8), page.length],
    [coded, MOST + 1],
  ] as const) {
    expect(undo(input, bytes)).toBeUndefined();
    undone();
  }
});
