import { describe, expect, it } from "vitest";
import {
  agreedVersion,
  type Hello,
  OLDEST_WIRE_VERSION,
  readHello,
  WIRE_VERSION,
  writeHello,
} from "../../../protocol/frames/hello.ts";
import { ByteReader, ByteWriter } from "../../../protocol/wire/bytes.ts";
import type { Extension } from "../../../protocol/wire/extensions.ts";
import { seeded } from "../../kit/random.ts";
import { SAMPLES } from "./frame-samples.ts";

const HELLO = SAMPLES.find(({ kind }) => kind === "hello") as Hello;
const written = (hello: Hello, more: readonly Extension[] = []) => {
  const w = new ByteWriter();
  writeHello(w, hello, more);
  return new ByteReader(w.take());
};

describe("hello", () => {
  it.each([
    ["with features", HELLO],
    ["without features", { ...HELLO, features: [] }],
    ["with the program's version and the time", { ...HELLO, program: "0.2.0", today: 1_764_428_392_000 }],
    ["of an edge without codecs", { ...HELLO, role: "edge", codecs: [] }],
    ["with 32 codecs", { ...HELLO, codecs: Array.from({ length: 32 }, (_, id) => id) }],
    [
      "with the largest bounds",
      { ...HELLO, headBytes: Number.MAX_SAFE_INTEGER, streams: Number.MAX_SAFE_INTEGER },
    ],
  ] as const)("%s comes back as it went", (_, hello) => {
    expect(readHello(written(hello))).toEqual(hello);
  });

  it("of a later version with extensions of its own is understood", () => {
    const random = seeded();
    for (let i = 0; i < 200; i++) {
      const more = Array.from({ length: random.int(0, 6) }, () => ({
        tag: 2 * random.int(50, 1_000_000),
        bytes: random.bytes(random.int(0, 40)),
      }));
      const hello = { ...HELLO, version: 2 };
      expect(readHello(written(hello, more))).toEqual(hello);
    }
  });

  it("of an edge with workers, which version 1 had, is understood without them", () => {
    expect(readHello(written(HELLO, [{ tag: 10, bytes: Buffer.of(4) }]))).toEqual(HELLO);
  });

  it("says its program and its time in extensions 18 and 20", () => {
    const more = [
      { tag: 18, bytes: Buffer.from("1.2.3") },
      { tag: 20, bytes: Buffer.from("ac02", "hex") },
    ];
    expect(readHello(written(HELLO, more))).toEqual({ ...HELLO, program: "1.2.3", today: 300 });
  });

  it.each(["", "a b", "\x1b[2J", "x".repeat(65)])("shows no program that is named %j", (program) => {
    expect(readHello(written({ ...HELLO, program }))).toEqual(HELLO);
  });

  it("with an odd extension that is not known is refused", () => {
    expect(() => readHello(written(HELLO, [{ tag: 101, bytes: Buffer.alloc(0) }]))).toThrow(
      "extension 101 must be understood",
    );
  });

  it.each([
    ["33 codecs", { ...HELLO, codecs: Array.from({ length: 33 }, () => 1) }, "33 codecs"],
    ["an unknown role", { ...HELLO, role: "neither" as Hello["role"] }, "unknown role"],
  ])("with %s is refused", (_, hello, message) => {
    expect(() => readHello(written(hello))).toThrow(message);
  });
});

describe("the version that both speak", () => {
  const speaks = (oldest: number, version: number): Hello => ({ ...HELLO, oldest, version });

  it.each([
    [1, 1, 1, 1, 1],
    [1, 1, 1, 2, 1],
    [1, 3, 1, 2, 2],
    [2, 3, 1, 2, 2],
  ])("of %d..%d and %d..%d is %d", (oldest, version, theirOldest, theirVersion, agreed) => {
    expect(agreedVersion(speaks(oldest, version), speaks(theirOldest, theirVersion))).toBe(agreed);
  });

  it("of this code and of the code before it is that of the code before it", () => {
    expect(agreedVersion(speaks(OLDEST_WIRE_VERSION, WIRE_VERSION), speaks(1, 1))).toBe(1);
  });

  it.each([
    ["the peer is newer", speaks(1, 1), speaks(2, 3), "upgrade this side"],
    ["the peer is older", speaks(2, 3), speaks(1, 1), "upgrade the peer"],
  ])("is none when %s, and the message says who upgrades", (_, ours, theirs, message) => {
    expect(() => agreedVersion(ours, theirs)).toThrow(expect.objectContaining({ code: "wrong-version" }));
    expect(() => agreedVersion(ours, theirs)).toThrow(message);
  });
});
