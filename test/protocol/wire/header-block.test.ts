import { describe, expect, it } from "vitest";
import { ByteReader, ByteWriter } from "../../../protocol/wire/bytes.ts";
import {
  HeaderDecoder,
  HeaderEncoder,
  type HeaderList,
  LONGEST_INDEXED_VALUE,
  MOST_CRUMBS,
  SHORTEST_INDEXED_CREDENTIAL,
} from "../../../protocol/wire/header-block.ts";
import { ENTRY_OVERHEAD_BYTES } from "../../../protocol/wire/header-table.ts";
import { type Random, seeded } from "../../kit/random.ts";
import { SlowTable } from "./slow-table.ts";

const HEAD_BYTES = 64 * 1024;
const TABLE_BYTES = 4096;

/** Both ends of one direction. */
const pair = (tableBytes = TABLE_BYTES, headBytes = HEAD_BYTES) => {
  const encoder = new HeaderEncoder(tableBytes);
  const decoder = new HeaderDecoder({ tableBytes, headBytes });
  const encode = (fields: HeaderList): Buffer => {
    const w = new ByteWriter();
    encoder.encode(w, fields);
    return w.take();
  };
  const decode = (block: Buffer): string[] => {
    const reader = new ByteReader(block);
    const fields = decoder.decode(reader);
    expect(reader.left).toBe(0);
    return fields;
  };
  return { encode, decode, both: (fields: HeaderList) => decode(encode(fields)) };
};

const hex = (text: string) => Buffer.from(text.replace(/\s/g, ""), "hex");
const ALL_LATIN1 = Array.from({ length: 256 }, (_, code) => String.fromCharCode(code)).join("");

describe("a header list survives", () => {
  const LISTS: readonly (readonly [string, HeaderList])[] = [
    ["of no fields", []],
    ["with its order", ["B", "1", "A", "2", "C", "3"]],
    [
      "with duplicates, apart and together",
      ["Set-Cookie", "a=1", "X", "1", "Set-Cookie", "b=2", "Set-Cookie", "b=2"],
    ],
    ["with the case of its names", ["HOST", "a", "Host", "b", "host", "c", "hOsT", "d"]],
    ["with every latin1 byte in a value", ["X", ALL_LATIN1]],
    ["with empty values", ["X", "", "Y", "", "X", ""]],
    ["with an empty name", ["", "value", "", "value"]],
    ["with a name and a value of the same text", ["a", "a", "a", ""]],
    ["with pseudo fields first", [":method", "GET", ":target", "/?q=%00", "Host", "a"]],
    ["with values larger than the table", ["X", "v".repeat(5000), "Y", "1", "X", "v".repeat(5000)]],
    ["with a cookie without pairs", ["Cookie", ""]],
    ["with a cookie of one pair", ["Cookie", "a=1"]],
    ["with a cookie of many pairs", ["Cookie", "a=1; b=2; session=0123456789abcdef; c=3"]],
    ["with cookies separated in odd ways", ["cookie", "a=1;b=2;  c=3; ; d=4 ;e=5; "]],
    ["with a cookie of separators only", ["Cookie", "; ; ; "]],
    ["with a cookie that begins and ends with a separator", ["COOKIE", "; a=1; "]],
    ["with two cookie fields", ["Cookie", "a=1; b=2", "Cookie", "c=3; d=4"]],
    ["with a cookie last and first", ["Cookie", "a=1; b=2", "X", "; ", "Cookie", "x; y"]],
    ["with pairs in fields that are no cookie", ["Accept", "a; b; c", "Set-Cookie", "a=1; Path=/; Secure"]],
    ["with as many pairs as are split", ["Cookie", Array(MOST_CRUMBS).fill("a=1").join("; ")]],
    [
      "with one pair more",
      [
        "Cookie",
        Array(MOST_CRUMBS + 1)
          .fill("a=1")
          .join("; "),
      ],
    ],
  ];
  it.each(LISTS)("%s", (_, fields) => {
    const { both } = pair();
    for (let time = 0; time < 3; time++) expect(both(fields)).toEqual(fields);
  });
});

describe("10,000 random blocks", () => {
  const NAMES = [
    "Accept",
    "accept",
    "Host",
    "Cookie",
    "cookie",
    "Set-Cookie",
    "Date",
    "Authorization",
    ":target",
    "X",
  ];
  const randomValue = (random: Random): string => {
    const crumbs = Array.from({ length: random.int(0, 4) }, () =>
      random.bytes(random.int(0, 24)).toString("latin1", 0).replaceAll("\n", "?"),
    );
    return crumbs.join(random.pick(["; ", ";", "; ", ";; "]));
  };

  it.each([0, 64, 512, 4096])(
    "leave both tables of %d bytes in step, as a slow model of them says",
    (tableBytes) => {
      const random = seeded();
      const { encode, decode } = pair(tableBytes);
      const model = new SlowTable(tableBytes);
      const values = Array.from({ length: 60 }, () => randomValue(random));
      for (let block = 0; block < 2500; block++) {
        const fields: string[] = [];
        for (let count = random.int(0, 8); count > 0; count--)
          fields.push(random.chance(0.1) ? `N${random.int(0, 40)}` : random.pick(NAMES), random.pick(values));
        const bytes = encode(fields);
        expect(model.decode(bytes)).toEqual(fields);
        expect(decode(bytes)).toEqual(fields);
      }
    },
  );
});

describe("what never enters the table", () => {
  const short = "s".repeat(SHORTEST_INDEXED_CREDENTIAL - 1);
  const long = "s".repeat(SHORTEST_INDEXED_CREDENTIAL);

  /** Bytes of the same field the second and the third time. */
  const again = (name: string, value: string) => {
    const { encode } = pair();
    encode([name, value]);
    return [encode([name, value]), encode([name, value])].map((block) => block.length);
  };

  it.each([
    ["Authorization", "Bearer 0123456789abcdef0123456789abcdef"],
    ["authorization", "Basic eDp5"],
    ["PROXY-AUTHORIZATION", "Basic 0123456789abcdef0123456789"],
    ["Cookie", short],
    ["Cookie", "a=1"],
    ["Set-Cookie", short],
    ["Date", "Mon, 02 Mar 2026 10:00:00 GMT"],
    ["Content-Length", "123456789012345678"],
    ["X", "v".repeat(LONGEST_INDEXED_VALUE + 1)],
  ])("%s: %s", (name, value) => {
    const [second, third] = again(name, value);
    // length, insert count, name index, length of the value, the value in full
    expect(second).toBeGreaterThanOrEqual(value.length + 4);
    expect(third).toBe(second);
  });

  it.each([
    ["Cookie", long],
    ["Set-Cookie", long],
    ["Accept", "text/html"],
    ["X", "v".repeat(LONGEST_INDEXED_VALUE)],
  ])("but %s: %s does, and takes one byte from then on", (name, value) => {
    expect(again(name, value)).toEqual([3, 3]);
  });

  it("a short pair beside a long one: only the long one is indexed", () => {
    const { encode } = pair();
    const cookie = ["Cookie", `a=12345; ${long}; b=67890`];
    encode(cookie);
    const block = encode(cookie).toString("latin1");
    expect(block).toContain("a=12345");
    expect(block).toContain("b=67890");
    expect(block).not.toContain("sss");
  });

  it("no length tells how much of a value was guessed", () => {
    const { encode } = pair();
    encode(["Cookie", "session=0123456789abcdef"]);
    const guesses = ["session=0123456789abcdeX", "session=XXXXXXXXXXXXXXXX"].map(
      (guess) => encode(["Cookie", guess]).length,
    );
    expect(new Set(guesses).size).toBe(1);
  });
});

describe("bytes of a block", () => {
  it("of a field that is known: one, up to 127 entries back", () => {
    const { encode, decode } = pair(1 << 20);
    for (let i = 0; i <= 130; i++) decode(encode([`N${i}`, "v"]));
    expect(encode(["N130", "v"]).toString("hex")).toBe("028380");
    expect(encode(["N4", "v"]).toString("hex")).toBe("0283fe");
    const far = encode(["N3", "v"]);
    expect(far.toString("hex")).toBe("0383ff00");
    for (const block of [encode(["N4", "v"]), far, encode(["N0", "v"])]) expect(decode(block)[1]).toBe("v");
  });

  it("never exceed what a sender reckons with, whatever the cookie", () => {
    const { encode } = pair(1 << 16);
    for (let i = 0; i < 1000; i++) encode([`N${i}`, "v"]); // names are far back now
    for (const cookie of ["; ".repeat(8000), "a; ".repeat(5000), "; ".repeat(MOST_CRUMBS - 1)])
      expect(encode(["Cookie", cookie]).length).toBeLessThan(cookie.length + 8 * MOST_CRUMBS);
  });
});

describe("a block is refused", () => {
  const after = (first: HeaderList, block: string) => {
    const { decode, both } = pair();
    both(first);
    return () => decode(hex(block));
  };
  it.each([
    ["with another insert count", "01 02", "header-table"],
    ["with an index that is not there", "02 01 81", "header-table"],
    ["with an index far beyond", "09 01 ff ffffffffffff0f", "header-table"],
    ["with a name index that is not there", "04 01 41 01 61", "header-table"],
    ["with a field form that is not known", "02 01 12", "bad-frame"],
    ["with a value cut short", "03 01 40 05", "bad-frame"],
    ["without an insert count", "00", "bad-frame"],
    ["with a cookie pair and nothing before it", "07 01 10 02 3b20 01 61", "bad-frame"],
    ["longer than the frame", "7f 01 80", "bad-frame"],
  ])("%s", (_, block, code) => {
    expect(after(["a", "b"], block)).toThrow(expect.objectContaining({ code }));
  });

  it("that was skipped: the next one shows it", () => {
    const { encode, decode } = pair();
    decode(encode(["a", "1"]));
    encode(["b", "2"]);
    expect(() => decode(encode(["c", "3"]))).toThrow(expect.objectContaining({ code: "header-table" }));
  });

  it("counts inserts modulo 256", () => {
    const { both } = pair();
    for (let i = 0; i < 600; i++) expect(both([`N${i}`, "v"])).toEqual([`N${i}`, "v"]);
  });

  it.each([
    ["exactly headBytes passes", 100, undefined],
    ["one byte more does not", 99, "too-large"],
  ])("%s", (_, headBytes, code) => {
    const fields = ["Name", "v".repeat(46), "Cookie", "a=1; b=2", "X", "v".repeat(35)]; // 4+46, 6+8, 1+35
    const { both } = pair(TABLE_BYTES, headBytes);
    if (code === undefined) expect(both(fields)).toEqual(fields);
    else expect(() => both(fields)).toThrow(expect.objectContaining({ code }));
  });

  it("an indexed field counts in full against headBytes", () => {
    const { encode, decode } = pair(TABLE_BYTES, 3000);
    const field = ["X", "v".repeat(1000)];
    decode(encode(field));
    expect(decode(encode([...field, ...field]))).toHaveLength(4);
    expect(() => decode(encode([...field, ...field, ...field]))).toThrow(
      expect.objectContaining({ code: "too-large" }),
    );
  });
});

describe("the table's edge", () => {
  it("holds what fits exactly, and drops the oldest for one byte more", () => {
    const cost = ENTRY_OVERHEAD_BYTES + 2;
    for (const [tableBytes, secondTime] of [
      [2 * cost, 4],
      [2 * cost - 1, 7],
    ] as const) {
      const { encode, decode } = pair(tableBytes);
      decode(encode(["a", "1", "b", "2"]));
      const block = encode(["a", "1", "b", "2"]);
      // Both indexed; or: "a" again in full (4 bytes), which drops "b" (4 bytes again).
      expect(block.length).toBe(secondTime === 4 ? 4 : 2 + 5 + 5);
      expect(decode(block)).toEqual(["a", "1", "b", "2"]);
    }
  });
});
