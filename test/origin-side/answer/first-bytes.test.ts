import { describe, expect, it } from "vitest";
import { LEAST_REPETITION, looksCompressed, repetitionOf } from "../../../origin-side/answer/first-bytes.ts";
import { Random } from "../../kit/random.ts";

const noise = new Random(5);
const rows = Array.from({ length: 300 }, (_, id) => ({ id, name: noise.bytes(6).toString("hex") }));
const beginning = (hex: string): Buffer => Buffer.concat([Buffer.from(hex, "hex"), Buffer.alloc(4_000)]);

describe("what a codec finds something in", () => {
  it.each([
    ["JSON", Buffer.from(JSON.stringify(rows))],
    ["base64", Buffer.from(noise.bytes(3_000).toString("base64"))],
    ["Chinese", Buffer.from("天地玄黃宇宙洪荒日月盈昃辰宿列張寒來暑往秋收冬藏".repeat(9))],
    ["UTF-16", Buffer.from(JSON.stringify(rows), "utf16le")],
    [
      "numbers in columns",
      Buffer.from(Float32Array.from({ length: 900 }, (_, i) => Math.sin(i / 50)).buffer),
    ],
    ["WebAssembly", beginning("0061736d01000000")],
    ["a TrueType font", beginning("0001000000110100")],
    ["a database of SQLite", beginning(Buffer.from("SQLite format 3\0").toString("hex"))],
    ["a few bytes of whatever", noise.bytes(200)],
    ["no byte", Buffer.alloc(0)],
  ])("%s", (_, body) => {
    expect(looksCompressed(body)).toBe(false);
  });
});

describe("what a codec finds nothing in", () => {
  it.each([
    ["ZIP", "504b03041400"],
    ["gzip", "1f8b0800"],
    ["Zstandard", "28b52ffd"],
    ["xz", "fd377a585a00"],
    ["bzip2", "425a6839"],
    ["7z", "377abcaf271c"],
    ["RAR", "526172211a0701"],
    ["LZ4", "04224d18"],
    ["PDF", "255044462d312e37"],
    ["PNG", "89504e470d0a1a0a"],
    ["JPEG", "ffd8ffe0"],
    ["GIF", "474946383961"],
    ["WebP", "52494646ffffffff57454250"],
    ["MP4", "0000002066747970"],
    ["WOFF 2", "774f4632"],
    ["Ogg", "4f676753"],
  ])("%s, by how it begins", (_, hex) => {
    expect(looksCompressed(beginning(hex))).toBe(true);
  });

  it.each([256, 1_000, 20_000])("%i bytes of noise", (bytes) => {
    expect(looksCompressed(noise.bytes(bytes))).toBe(true);
  });
});

it("noise and text are far apart", () => {
  expect(repetitionOf(noise.bytes(4_096))).toBeCloseTo(1, 1);
  expect(repetitionOf(Buffer.from(JSON.stringify(rows)))).toBeGreaterThan(4 * LEAST_REPETITION);
});
