// What hides the size of a page in gzip, as the strictest decoders read a header: Go's takes names and comments of less than 512 bytes.
import { createHash } from "node:crypto";
import { gunzipSync, gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { paddedGzip } from "../../../edge-side/compress/padded-gzip.ts";
import { SizePadding } from "../../../protocol/http/size-padding.ts";

const padding = new SizePadding();

/** Reads the header by RFC 1952 section 2.3, with one extra field and nothing else in it. */
const extraFieldOf = (gzip: Buffer) => {
  const [id1, id2, method, flags] = gzip;
  const length = gzip.readUInt16LE(10);
  const field = gzip.subarray(12, 12 + length);
  const subfield = { name: field.toString("latin1", 0, 2), bytes: field.readUInt16LE(2) };
  return { magic: [id1, id2, method], flags, length, subfield, deflated: gzip.subarray(12 + length) };
};

describe.each([0, 1, 100, 505, 506, 507, 511, 512, 5_000])("a page of %i bytes", (bytes) => {
  const page = Buffer.alloc(bytes, "a page of rows ");
  const coded = gzipSync(page);
  const padded = paddedGzip(coded, page, padding);

  it("is padded by one whole subfield of an extra field, and by no comment", () => {
    const { magic, flags, length, subfield, deflated } = extraFieldOf(padded);
    expect(magic).toEqual([0x1f, 0x8b, 8]);
    expect(flags).toBe(0x04); // FEXTRA alone
    expect(length).toBe(padded.length - coded.length - 2);
    expect(subfield).toEqual({ name: "PD", bytes: length - 4 });
    expect(deflated.equals(coded.subarray(10))).toBe(true);
  });

  it("is decoded to itself, and has a size in steps of 512", () => {
    expect(gunzipSync(padded).equals(page)).toBe(true);
    expect(padded.length % 512).toBe(0);
    expect(padded.length).toBeGreaterThan(coded.length);
  });
});

it("takes more of many pages than a comment of Go's may have", () => {
  const sizes = Array.from({ length: 200 }, (_, i) => {
    const page = createHash("shake256", { outputLength: 3 * i })
      .update(`page ${i}`)
      .digest();
    const coded = gzipSync(page);
    return paddedGzip(coded, page, padding).length - coded.length;
  });
  expect(sizes.filter((size) => size >= 512).length).toBeGreaterThan(40);
});
