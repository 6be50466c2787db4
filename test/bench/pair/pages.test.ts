/** bench/pair/pages.ts: pages of exact size that differ a little, and whose every wrong byte is found. */
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { flawIn, pagesByPath, tagOf, variedPages } from "../../../bench/pair/pages.ts";
import { seeded } from "../../kit/random.ts";

const pages = pagesByPath();
const pageAt = (path: string) => {
  const page = pages.get(path);
  if (page === undefined) throw new Error(`no page at ${path}`);
  return page;
};

const differingBytes = (a: Buffer, b: Buffer) => a.filter((byte, at) => byte !== b[at]).length;

describe("the pages", () => {
  it.each([
    ["/steady-10k", 10_000],
    ["/changing-10k", 10_000],
    ["/changing-44k", 44_000],
    ["/changing-100k", 100_000],
    ["/image-100k", 100_000],
    ["/small", 200],
  ])("%s has exactly %i bytes, and is without a flaw", (path, bytes) => {
    const page = pageAt(path);
    expect(page.bytes).toBe(bytes);
    for (const serial of page.changes ? [1, 2, 9_999_999_999] : [0]) {
      const body = page.make(serial);
      expect(body.length).toBe(bytes);
      expect(flawIn(body, tagOf(serial))).toBeUndefined();
    }
  });

  it("change a little, everywhere, or not at all", () => {
    for (const path of ["/changing-10k", "/changing-44k", "/changing-100k"]) {
      const [one, next] = [pageAt(path).make(1), pageAt(path).make(2)];
      expect(differingBytes(one, next)).toBeGreaterThan(64);
      expect(differingBytes(one, next)).toBeLessThan(8 * 18 + 75);
      const half = one.length / 2;
      expect(differingBytes(one.subarray(0, half), next.subarray(0, half))).toBeGreaterThan(0);
    }
    expect(pageAt("/steady-10k").make(1)).toEqual(pageAt("/steady-10k").make(2));
  });

  it("compress as real pages do, images not at all", () => {
    const share = (path: string) => gzipSync(pageAt(path).make(0)).length / pageAt(path).bytes;
    expect(share("/changing-44k")).toBeGreaterThan(0.1);
    expect(share("/changing-44k")).toBeLessThan(0.4);
    expect(share("/image-100k")).toBeGreaterThan(0.99);
  });

  it("vary from number to number and are the same for the same one", () => {
    const [one, other] = [variedPages(), variedPages()];
    const sizes = Array.from({ length: 200 }, (_, number) => one(number).bytes);
    expect(Math.min(...sizes)).toBeGreaterThanOrEqual(1_000);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(60_000);
    expect(new Set(sizes).size).toBeGreaterThan(150);
    const kinds = Array.from({ length: 200 }, (_, number) => one(number).contentType);
    expect(new Set(kinds).size).toBe(2);
    for (let number = 0; number < 50; number += 1) {
      const [page, again] = [one(number), other(number)];
      expect(page.make(3)).toEqual(again.make(3));
      expect(flawIn(page.make(3), tagOf(page.changes ? 3 : 0))).toBeUndefined();
    }
  });
});

describe("a flaw", () => {
  it("is any byte that is wrong, wherever it is", () => {
    const random = seeded();
    for (const path of ["/changing-10k", "/image-100k", "/small"]) {
      const page = pageAt(path);
      const places = [0, page.bytes - 1, ...Array.from({ length: 200 }, () => random.int(0, page.bytes - 1))];
      for (const at of places) {
        const body = Buffer.from(page.make(0));
        body[at] = (body[at] ?? 0) ^ (1 << random.int(0, 7));
        expect(flawIn(body, tagOf(0)), `${path} at ${at}`).toBeDefined();
      }
    }
  });

  it.each([
    ["a body cut short", (body: Buffer) => body.subarray(0, -1), tagOf(7), "do not end in a checksum"],
    ["no body", () => Buffer.alloc(0), tagOf(7), "0 bytes do not end"],
    ["bytes that are missing", (body: Buffer) => body.subarray(1), tagOf(7), "is wrong"],
    ["a head of another version", (body: Buffer) => body, tagOf(8), "page 7 came with the head of"],
    ["a head of no version", (body: Buffer) => body, undefined, "no version"],
  ])("is %s", (_, damage, tag, told) => {
    expect(flawIn(damage(pageAt("/changing-10k").make(7)), tag)).toContain(told);
  });
});
