import { describe, expect, it } from "vitest";
import { MOST_CRUMBS } from "../../../protocol/headers/field-parts.ts";
import { HeaderDecoder, HeaderEncoder } from "../../../protocol/headers/header-block.ts";
import { ENTRY_OVERHEAD_BYTES, LONGEST_ENTERED_VALUE } from "../../../protocol/headers/header-table.ts";
import {
  SHORTEST_INDEXED_CREDENTIAL,
  SHORTEST_INDEXED_TOKEN,
} from "../../../protocol/headers/indexing-rules.ts";
import type { HeaderList } from "../../../protocol/http/header-list.ts";
import { ByteReader, ByteWriter } from "../../../protocol/wire/bytes.ts";
import { Differences } from "../../kit/differences.ts";
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
  const decode = (block: Buffer): HeaderList => {
    const reader = new ByteReader(block);
    const fields = decoder.decode(reader);
    expect(reader.left).toBe(0);
    return fields;
  };
  return { encode, decode, both: (fields: HeaderList) => decode(encode(fields)) };
};

const hex = (text: string) => Buffer.from(text.replace(/\s/g, ""), "hex");
const ALL_LATIN1 = Array.from({ length: 256 }, (_, code) => String.fromCharCode(code)).join("");

describe("a head that comes again is the very same list", () => {
  it.each<readonly [string, HeaderList]>([
    ["where nothing is told of it", [":status", "200", "Content-Type", "text/html"]],
    ["where a number is told though it stayed", [":status", "200", "Content-Length", "10240", "Vary", "A"]],
    ["where a secret is told though it stayed", [":method", "GET", "Cookie", "a=1; b=2", "Host", "b"]],
  ])("%s", (_, fields) => {
    const { both } = pair();
    const first = both([...fields]);
    expect(first).toEqual(fields);
    expect(both([...fields])).toBe(first);
    const last = fields.length - 1;
    const other = both(fields.with(last, "other"));
    expect(other).toEqual(fields.with(last, "other"));
    const again = both([...fields]);
    expect(again).toEqual(fields);
    expect(both([...fields])).toBe(again);
  });
});

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
    "ETag",
    "Content-Length",
    "Last-Modified",
    "X-Request-Id",
  ];
  const randomValue = (random: Random): string => {
    if (random.chance(0.2)) return new Date(random.int(0, 4_000_000_000) * 1000).toUTCString();
    if (random.chance(0.2)) return String(random.int(0, random.pick([9, 99_999, 2 ** 40])));
    if (random.chance(0.4)) return randomTag(random);
    const crumbs = Array.from({ length: random.int(0, 4) }, () =>
      random.bytes(random.int(0, 24)).toString("latin1", 0).replaceAll("\n", "?"),
    );
    return crumbs.join(random.pick(["; ", ";", "; ", ";; "]));
  };

  const randomTag = (random: Random): string => {
    const bytes = random.bytes(random.int(4, 24));
    const hash = random.pick([
      bytes.toString("hex"),
      bytes.toString("hex").slice(1),
      bytes.toString("base64").replaceAll("=", ""),
      bytes.toString("base64url"),
      `1b4e28ba-2fa1-11d2-883f-${random.bytes(6).toString("hex")}`,
    ]);
    const size = random.chance(0.5) ? `${random.int(0, 2 ** 40).toString(16)}-` : "";
    return random.pick([`${size}${hash}`, `"${size}${hash}"`, `W/"${size}${hash}"`]);
  };

  it.each([0, 64, 512, 4096, 65_536])(
    "leave both tables of %d bytes in step, as a slow model of them says",
    (tableBytes) => {
      const random = seeded();
      const { encode, decode } = pair(tableBytes);
      const model = new SlowTable(tableBytes);
      const values = Array.from({ length: 60 }, () => randomValue(random));
      const shapes = Array.from({ length: 40 }, () =>
        Array.from({ length: random.int(0, 8) }, () =>
          random.chance(0.1) ? `N${random.int(0, 40)}` : random.pick(NAMES),
        ),
      );
      const differences = new Differences();
      for (let block = 0; block < 2000; block++) {
        const fields = random.pick(shapes).flatMap((name) => [name, random.pick(values)]);
        const bytes = encode(fields);
        const written = JSON.stringify(fields);
        differences.check(JSON.stringify(model.decode(bytes)), written, `the model's block ${block}`);
        differences.check(JSON.stringify(decode(bytes)), written, `block ${block}`);
      }
      expect(differences.found).toEqual([]);
    },
  );
});

describe("what never enters the table", () => {
  const short = "s".repeat(SHORTEST_INDEXED_CREDENTIAL - 1);
  const long = "s".repeat(SHORTEST_INDEXED_CREDENTIAL);
  const token = "t".repeat(SHORTEST_INDEXED_TOKEN);
  const LARGE_TABLE = 8 * LONGEST_ENTERED_VALUE;

  /** Bytes of the same field the second and the third time. */
  const again = (name: string, value: string) => {
    const { encode } = pair();
    encode([name, value]);
    return [encode([name, value]), encode([name, value])].map((block) => block.length);
  };

  it.each([
    ["Authorization", `Bearer ${token.slice(1)}`],
    ["Authorization", `Bearer ${token.slice(1)}====`],
    ["Authorization", `Bearer ${token} ${token}`],
    ["Authorization", token],
    ["authorization", "Basic eDp5"],
    ["Authorization", `Basic ${token}`],
    ["Authorization", `Digest username="${token}"`],
    ["PROXY-AUTHORIZATION", `Bearer ${token}`],
    ["PROXY-AUTHORIZATION", "Basic 0123456789abcdef0123456789"],
    ["Cookie", short],
    ["Cookie", "a=1"],
    ["Set-Cookie", short],
  ])("a secret is spelled every time: %s: %s", (name, value) => {
    const [second, third] = again(name, value);
    // length, count, place, which field, length of the value, the value in full
    expect(second).toBe(value.length + 5);
    expect(third).toBe(second);
  });

  it.each([
    ["Authorization", `Bearer ${token.slice(1)}`],
    ["Cookie", short],
    ["Set-Cookie", short],
    ["Date", "Mon, 02 Mar 2026 10:00:00 GMT"],
    ["Last-Modified", "Mon, 02 Mar 2026 10:00:00 GMT"],
    ["Content-Length", "123456789012345678"],
    ["X-Request-Id", "0123456789abcdef0123456789abcdef"],
    ["X", "v".repeat(LONGEST_ENTERED_VALUE + 1)],
  ])("%s: %s", (name, value) => {
    const { encode } = pair(LARGE_TABLE);
    encode([name, value]);
    // Beside another field, so that no head with the same names is remembered.
    const block = encode([name, value, "other", ""]);
    expect(block.length).toBeGreaterThan(value.length);
  });

  it.each([
    ["Cookie", long],
    ["Set-Cookie", long],
    ["Authorization", `Bearer ${token}`],
    ["AUTHORIZATION", `token ${token}`],
    ["authorization", `JWT ${token}.a-b_c~d+e/f==`],
    ["Accept", "text/html"],
    ["ETag", '"0123456789abcdef"'],
  ])("but %s: %s does, and takes one byte from then on, or none", (name, value) => {
    const { encode } = pair();
    encode([name, value]);
    expect(encode([name, value])).toHaveLength(3);
    expect(encode([name, value, name, value])).toHaveLength(5);
  });

  it("a value of the longest size does too", () => {
    const { encode } = pair(LARGE_TABLE);
    const field = ["X", "v".repeat(LONGEST_ENTERED_VALUE)];
    encode(field);
    expect(encode(field)).toHaveLength(4); // its head is too large to be remembered, so the field takes its byte
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
    const known = (name: string) => {
      const block = encode([name, "v", name, "v"]); // twice, so it is unlike all before
      expect(decode(block)).toEqual([name, "v", name, "v"]);
      return block.toString("hex").replace(/^(..)(..)(..)/, "$1 $2 $3 ");
    };
    // length, count, place; two fields. 131 blocks and as many inserts went before.
    expect(known("N130")).toBe("04 06 43 8080");
    expect(known("N4")).toBe("04 07 44 fefe");
    expect(known("N3")).toBe("06 08 45 ff00ff00");
  });

  it("never exceed what a sender reckons with, whatever the cookie", () => {
    const { encode } = pair(1 << 16);
    for (let i = 0; i < 1000; i++) encode([`N${i}`, "v"]); // names are far back now
    for (const cookie of ["; ".repeat(8000), "a; ".repeat(5000), "; ".repeat(MOST_CRUMBS - 1)])
      for (let time = 0; time < 2; time++)
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
    ["with another count", "02 03 40", "header-table"],
    ["with an index that is not there", "03 02 40 81", "header-table"],
    ["with an index far beyond", "0a 02 40 ff ffffffffffff0f", "header-table"],
    ["with a name index that is not there", "05 02 40 41 01 61", "header-table"],
    ["with a field form that is not known", "03 02 40 12", "bad-frame"],
    ["with a value cut short", "04 02 40 40 05", "bad-frame"],
    ["without a count", "00", "bad-frame"],
    ["without a place", "01 02", "bad-frame"],
    ["with a place that does not exist", "02 02 60", "bad-frame"],
    ["with a place that is not to be used", "02 02 01", "bad-frame"],
    ["with a form that does not exist", "02 02 c0", "bad-frame"],
    ["like a head that is not remembered", "02 02 81", "header-table"],
    ["with a cookie pair and nothing before it", "08 02 40 10 02 3b20 01 61", "bad-frame"],
    ["longer than the frame", "7f 02 40 80", "bad-frame"],
  ])("%s", (_, block, code) => {
    expect(after(["a", "b"], block)).toThrow(expect.objectContaining({ code }));
  });

  it("that was skipped: the next one shows it", () => {
    const { encode, decode } = pair();
    decode(encode(["a", "1"]));
    encode(["b", "2"]);
    expect(() => decode(encode(["c", "3"]))).toThrow(expect.objectContaining({ code: "header-table" }));
  });

  it("that was skipped, also when it inserted nothing", () => {
    const { encode, decode } = pair();
    decode(encode(["a", "1"]));
    encode(["a", "1"]);
    expect(() => decode(encode(["a", "1"]))).toThrow(expect.objectContaining({ code: "header-table" }));
  });

  it("counts blocks and inserts modulo 256", () => {
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
      [2 * cost, 5],
      [2 * cost - 1, 13],
    ] as const) {
      const { encode, decode } = pair(tableBytes);
      decode(encode(["a", "1", "b", "2"]));
      const block = encode(["a", "1", "b", "2"]);
      // Both indexed; or: "a" again in full (5 bytes), which drops "b" (5 bytes again).
      expect(block.length).toBe(secondTime);
      expect(decode(block)).toEqual(["a", "1", "b", "2"]);
    }
  });
});
