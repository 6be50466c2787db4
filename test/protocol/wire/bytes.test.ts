import { describe, expect, it } from "vitest";
import { LinkError } from "../../../protocol/errors.ts";
import { ByteReader, ByteWriter, GIVEN_AWAY_BYTES, varintBytes } from "../../../protocol/wire/bytes.ts";
import { Differences } from "../../kit/differences.ts";
import { seeded } from "../../kit/random.ts";

const hex = (text: string) => Buffer.from(text.replace(/\s/g, ""), "hex");
const written = (write: (w: ByteWriter) => void): string => {
  const w = new ByteWriter();
  write(w);
  return w.take().toString("hex");
};
const badFrame = expect.objectContaining({ code: "bad-frame" });

const VARINTS: readonly (readonly [number, string])[] = [
  [0, "00"],
  [1, "01"],
  [127, "7f"],
  [128, "80 01"],
  [16_383, "ff 7f"],
  [16_384, "80 80 01"],
  [2 ** 31, "80 80 80 80 08"],
  [2 ** 32 + 1, "81 80 80 80 10"],
  [2 ** 49 - 1, "ff ff ff ff ff ff 7f"],
  [2 ** 49, "80 80 80 80 80 80 80 01"],
  [Number.MAX_SAFE_INTEGER, "ff ff ff ff ff ff ff 0f"],
];

describe("varint", () => {
  it.each(VARINTS)("%d is %s", (value, bytes) => {
    expect(written((w) => w.varint(value))).toBe(hex(bytes).toString("hex"));
    expect(new ByteReader(hex(bytes)).varint()).toBe(value);
    expect(new ByteReader(hex(`${bytes} ${bytes} 05`)).varints(2)).toEqual([value, value]);
    expect(varintBytes(value)).toBe(hex(bytes).length);
  });

  it.each([
    ["above 2^53 - 1", "80 80 80 80 80 80 80 10"],
    ["of nine bytes", "80 80 80 80 80 80 80 80 01"],
    ["without an end", "ff ff ff ff ff ff ff ff ff ff ff ff"],
    ["cut short", "80 80"],
    ["longer than it is: zero", "80 00"],
    ["longer than it is: 127", "ff 00"],
    ["of no bytes", ""],
  ])("refuses one %s", (_, bytes) => {
    expect(() => new ByteReader(hex(bytes)).varint()).toThrow(badFrame);
  });

  it("comes back as it went, for any value", () => {
    const random = seeded();
    const differences = new Differences();
    for (let i = 0; i < 5_000; i++) {
      const value = Math.floor(random.next() * 2 ** random.int(1, 53));
      const bytes = hex(written((w) => w.varint(value)));
      differences.check(new ByteReader(bytes).varint(), value, "value");
      differences.check(bytes.length, varintBytes(value), `bytes of ${value}`);
    }
    expect(differences.found).toEqual([]);
  });
});

describe("ByteWriter", () => {
  it.each([0, 1, 127, 128, 16_383, 16_384, 100_000])(
    "writes the length before %d bytes of content",
    (bytes) => {
      const content = Buffer.alloc(bytes, 0xab);
      const out = hex(written((w) => w.sized(() => w.bytes(content)).u8(7)));
      const reader = new ByteReader(out);
      expect(reader.sized().rest().equals(content)).toBe(true);
      expect(reader.u8()).toBe(7);
      expect(reader.left).toBe(0);
    },
  );

  it("sizes one content inside another, whatever both take", () => {
    for (const inner of [0, 120, 126, 127, 128, 200, 16_380, 16_390]) {
      const out = hex(
        written((w) =>
          w.sized(() =>
            w
              .u8(1)
              .sized(() => w.latin1("x".repeat(inner)))
              .u8(2),
          ),
        ),
      );
      const outer = new ByteReader(out).sized();
      expect(outer.u8()).toBe(1);
      expect(outer.text()).toBe("x".repeat(inner));
      expect(outer.u8()).toBe(2);
      expect(outer.left).toBe(0);
    }
  });

  it.each([1, 3, GIVEN_AWAY_BYTES - 1, GIVEN_AWAY_BYTES, 40_000])(
    "is empty again after take, and the %d bytes taken do not change",
    (bytes) => {
      const w = new ByteWriter();
      const first = w.latin1("a".repeat(bytes)).take();
      expect(w.length).toBe(0);
      w.latin1("x".repeat(bytes));
      expect(first.toString()).toBe("a".repeat(bytes));
      expect(w.take().toString()).toBe("x".repeat(bytes));
    },
  );

  it("grows beyond its first capacity", () => {
    const w = new ByteWriter();
    for (let i = 0; i < 3000; i++) w.text("0123456789abcdef0123456789abcdef");
    const reader = new ByteReader(w.take());
    for (let i = 0; i < 3000; i++) expect(reader.text()).toBe("0123456789abcdef0123456789abcdef");
    expect(reader.left).toBe(0);
  });

  it("keeps every latin1 character", () => {
    const all = Array.from({ length: 256 }, (_, code) => String.fromCharCode(code)).join("");
    expect(new ByteReader(hex(written((w) => w.text(all)))).text()).toBe(all);
  });
});

describe("ByteReader", () => {
  it.each([
    ["bytes", (r: ByteReader) => r.bytes(5)],
    ["latin1", (r: ByteReader) => r.latin1(5)],
    ["text", (r: ByteReader) => r.text()],
    ["sized", (r: ByteReader) => r.sized()],
    ["frameBytes", (r: ByteReader) => r.frameBytes()],
  ])("refuses %s beyond the end before it takes anything", (_, read) => {
    expect(() => read(new ByteReader(hex("04 01 02 03")))).toThrow(LinkError);
    expect(() => read(new ByteReader(hex("04 01 02 03")))).toThrow(badFrame);
  });

  it("refuses what is left over at the end", () => {
    const reader = new ByteReader(hex("01 02"));
    reader.u8();
    expect(() => reader.end()).toThrow("1 bytes left over");
    reader.u8();
    reader.end();
  });

  it("gives a frame with its length", () => {
    const reader = new ByteReader(hex("02 aa bb cc"));
    expect(reader.frameBytes().toString("hex")).toBe("02aabb");
    expect(reader.left).toBe(1);
  });
});
