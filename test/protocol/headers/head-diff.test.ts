/** Heads told by what changed: the bytes by hand, secrets, and what a peer may not say. SPEC section "Changes". */
import { describe, expect, it } from "vitest";
import { LinkError } from "../../../protocol/errors.ts";
import { MOST_REMEMBERED, mostRememberedCost } from "../../../protocol/headers/head-cache.ts";
import { HeaderDecoder, HeaderEncoder } from "../../../protocol/headers/header-block.ts";
import { ENTRY_OVERHEAD_BYTES } from "../../../protocol/headers/header-table.ts";
import type { HeaderList } from "../../../protocol/http/header-list.ts";
import { ByteReader, ByteWriter } from "../../../protocol/wire/bytes.ts";
import { seeded } from "../../kit/random.ts";

const TABLE_BYTES = 65_536;
const hex = (text: string) => Buffer.from(text.replace(/\s/g, ""), "hex");

/** Both ends of one direction. */
const pair = (tableBytes = TABLE_BYTES) => {
  const encoder = new HeaderEncoder(tableBytes);
  const decoder = new HeaderDecoder({ tableBytes, headBytes: 64 * 1024 });
  const encode = (head: HeaderList): Buffer => {
    const w = new ByteWriter();
    encoder.encode(w, head);
    return w.take();
  };
  const decode = (block: Buffer): HeaderList => decoder.decode(new ByteReader(block));
  const both = (head: HeaderList): string => {
    const block = encode(head);
    expect(decode(block)).toEqual(head);
    return block.toString("hex");
  };
  return { encode, decode, both };
};

const DATE = "Mon, 02 Mar 2026 10:00:00 GMT";

describe("a head with the names of one before", () => {
  it("and the same values is three bytes", () => {
    const { both } = pair();
    const head = ["A", "1", "B", "2", "Content-Type", "text/html"];
    both(head);
    expect(both(head)).toBe("020480"); // length; 1 block and 3 inserts before; like the head at 0
  });

  /** The second block after its length, count and place. */
  it.each([
    ["a value that was never seen", ["A", "1"], ["A", "new"], "20 03 6e6577"],
    ["a value from the table", ["A", "1", "B", "2"], ["A", "2", "B", "2"], "20 01 32"],
    ["an index", ["A", "1", "A", "2", "B", "3"], ["A", "2", "A", "2", "B", "3"], "00 01"],
    [
      "what comes after fields that stay",
      ["A", "1", "B", "2", "C", "3"],
      ["A", "1", "B", "2", "C", "4"],
      "22 01 34",
    ],
    ["two changes", ["A", "1", "B", "2", "C", "3"], ["A", "4", "B", "2", "C", "5"], "20 01 34 21 01 35"],
    ["a later time", ["Date", DATE], ["Date", "Mon, 02 Mar 2026 10:00:05 GMT"], "60 0a"],
    ["an earlier time", ["Date", DATE], ["Date", "Mon, 02 Mar 2026 09:59:59 GMT"], "60 01"],
    ["a time in a head without a Date", ["Expires", "0"], ["Expires", DATE], "60 c09afd04"],
    ["no time after a time", ["Expires", DATE], ["Expires", "0"], "40 01 30"],
    [
      "times after the Date of the head before",
      ["Expires", "0", "date", DATE],
      ["Expires", "Mon, 02 Mar 2026 10:00:07 GMT", "date", "Mon, 02 Mar 2026 10:00:05 GMT"],
      "60 0e 60 0a",
    ],
    ["a number", ["Content-Length", "80174"], ["Content-Length", "80236"], "80 ecf204"],
    ["a number that stays", ["Content-Length", "80174"], ["Content-Length", "80174"], "80 aef204"],
    ["a number after none", ["Age", "?"], ["Age", "7"], "80 07"],
    [
      "a number in another form",
      ["Content-Length", "80174"],
      ["Content-Length", "0080174"],
      "40 07 30303830313734",
    ],
    ["a tag in hexadecimal", ["ETag", '"0123456789"'], ["ETag", '"abcdef0123"'], "e0 abcdef0123"],
    ["a tag after none", ["ETag", "none"], ["ETag", '"abcdef0123"'], "a0 04 0a abcdef0123"],
    ["a tag with a number before it", ["ETag", 'W/"1f-Aa+/"'], ["ETag", 'W/"20-////"'], "e0 40 ffffff"],
    [
      "a tag with the length before it",
      ["Content-Length", "31", "ETag", 'W/"1f-Aa+/"'],
      ["Content-Length", "80236", "ETag", 'W/"1396c-////"'],
      "80 ecf204 e0 00 ffffff",
    ],
    [
      "an id that is a UUID, after another",
      ["X-Request-Id", "00112233-4455-6677-8899-000000000000"],
      ["X-Request-Id", "00112233-4455-6677-8899-aabbccddeeff"],
      "c0 00112233445566778899aabbccddeeff",
    ],
    [
      "a trace",
      ["traceparent", "00-00000000000000000000000000000000-0000000000000000-01"],
      ["traceparent", "00-11111111111111111111111111111111-2222222222222222-01"],
      `c0 ${Buffer.from("00-11111111111111111111111111111111-2222222222222222-01A", "base64url").toString("hex")}`,
    ],
    [
      "the name of a request that another header has",
      ["x-ms-request-id", "00112233-4455-6677-8899-000000000000"],
      ["x-ms-request-id", "00112233-4455-6677-8899-aabbccddeeff"],
      "c0 00112233445566778899aabbccddeeff",
    ],
    ["an id of a new shape", ["X-Request-Id", "x"], ["X-Request-Id", "0123abcd"], "40 08 3031323361626364"],
    [
      "a secret that stays",
      ["A", "1", "Authorization", "Basic eDp5"],
      ["A", "1", "Authorization", "Basic eDp5"],
      "41 0a 4261736963206544 7035",
    ],
  ])("%s", (_, first, second, bytes) => {
    const { both } = pair();
    both(first);
    expect(both(second).slice(6)).toBe(bytes.replaceAll(" ", ""));
  });

  it("and the same values is the very same list again, until a value changes", () => {
    const { encode, decode } = pair();
    const head = ["Host", "a", "Cookie", "session=0123456789abcdef; theme=dark-and-narrow-0123"];
    const first = decode(encode(head));
    expect(decode(encode([...head]))).toBe(first);
    expect(decode(encode(["Host", "b", ...head.slice(2)]))).toEqual(["Host", "b", ...head.slice(2)]);
    const again = decode(encode(head));
    expect(again).toEqual(head);
    expect(decode(encode(head))).toBe(again);
  });

  it("spells what may be guessed, though it is the very same list", () => {
    const { encode, decode } = pair();
    const head = ["Host", "a", "Authorization", "Basic 1"];
    const lengths = [head, head, head].map((each) => {
      const block = encode(each);
      expect(decode(block)).toEqual(head);
      return block.length;
    });
    expect(lengths.slice(1)).toEqual([3 + 2 + 7, 3 + 2 + 7]);
  });

  it("skips as many fields as it must: 30 in the byte, from 31 on in a varint", () => {
    const names = (changed: number) =>
      Array.from({ length: 40 }, (_, at) => [`N${at}`, at === changed ? "2" : "1"]).flat();
    for (const [at, bytes] of [
      [30, "3e0132"],
      [31, "3f000132"],
      [39, "3f080132"],
    ] as const) {
      const { both } = pair();
      both(names(-1));
      expect(both(names(at)).slice(6)).toBe(bytes);
    }
  });

  it("keeps pairs of a cookie apart: what stays costs nothing, and a short one is spelled", () => {
    const { both } = pair();
    const cookie = (theme: string, session: string) => ["Cookie", `theme=${theme}; session=${session}`];
    both(cookie("dark", "0123456789abcdef"));
    expect(both(cookie("dark", "0123456789abcdef")).slice(6)).toBe(
      `400a${Buffer.from("theme=dark").toString("hex")}`,
    );
  });
});

describe("secrets", () => {
  it("take the same bytes whether they are right or wrong", () => {
    for (const [name, right, wrong] of [
      ["Authorization", "Bearer 0123456789abcdef", "Bearer 0123456789abcdeX"],
      ["Cookie", "a=1; s=0123456789", "a=1; s=0123456780"],
      ["Set-Cookie", "s=0123456789", "s=0123456780"],
    ] as const) {
      const sizes = [right, wrong].map((guess) => {
        const { encode } = pair();
        encode([name, right]);
        return encode([name, guess]).length;
      });
      expect(new Set(sizes).size, name).toBe(1);
    }
  });

  it("of a length that nobody guesses tell nothing by how much of a guess is right", () => {
    const sizes = ["session=0123456789abcdeX", "session=XXXXXXXXXXXXXXXX"].map((guess) => {
      const { encode } = pair();
      encode(["Cookie", "session=0123456789abcdef"]);
      return encode(["Cookie", guess]).length;
    });
    expect(new Set(sizes).size).toBe(1);
  });
});

describe("the length of another visitor's page", () => {
  const sizesAfter = (victim: number) =>
    [0, 1, 63, 64, 127, 8000, 80_173, 80_174, 80_175, 90_000].map((guess) => {
      const { encode } = pair();
      const head = (length: number, tag: string) => [
        "Date",
        DATE,
        "Content-Length",
        `${length}`,
        "ETag",
        `"${length.toString(16)}-${tag}"`,
      ];
      encode(head(victim, "abcdef01"));
      return encode(head(guess, "abcdef02")).length;
    });

  it("shows in no length of a head that follows", () => {
    const known = sizesAfter(5);
    for (const victim of [0, 4, 127, 80_174, 80_111, 72_000]) expect(sizesAfter(victim)).toEqual(known);
  });
});

describe("which heads are remembered", () => {
  const shape = (number: number, value = "1") => [`N${number}`, value];

  it(`the last ${MOST_REMEMBERED} lists of names; the next one takes the place of the one longest unused`, () => {
    const { both } = pair();
    for (let i = 0; i < MOST_REMEMBERED; i++) both(shape(i));
    expect(both(shape(0))).toHaveLength(6); // used again
    both(shape(99)); // takes the place of 1
    expect(both(shape(0))).toHaveLength(6);
    expect(both(shape(2))).toHaveLength(6);
    expect(both(shape(1)).slice(4)).toBe("439f"); // in full, at the place of 3 now; an index
  });

  it("those of a sixteenth of the table, and not of one byte more", () => {
    const most = mostRememberedCost(TABLE_BYTES) - ENTRY_OVERHEAD_BYTES - 1;
    for (const [bytes, expected] of [
      [most, 0x80],
      [most + 1, 0x00],
    ] as const) {
      const { both, encode } = pair();
      const head = ["X", "v".repeat(bytes)];
      both(head);
      const [, form] = new ByteReader(encode(head)).sized().bytes(2);
      expect(form, `${bytes} bytes`).toBe(expected);
    }
  });

  it("not one that grew too large: it travels in full, and the one before stays", () => {
    const { both } = pair();
    both(["X", "small"]);
    both(["X", "v".repeat(5000)]);
    expect(both(["X", "small"])).toHaveLength(6);
  });
});

describe("a block of changes is refused", () => {
  const decodedAfter = (first: HeaderList, block: string, tableBytes = TABLE_BYTES) => {
    const { decode, both } = pair(tableBytes);
    both(first);
    return () => decode(hex(block));
  };
  const FIRST = ["Date", DATE, "Age", "7", "ETag", '"1-01234567"', "X", "x"];
  /** After a length, and after the count of a block and the inserts of FIRST. */
  it.each([
    ["a field that is not there", "05 05 80 24 01 61", "bad-frame"],
    ["a field far beyond", "0b 05 80 3f ffffffffffff0f 01 61", "bad-frame"],
    ["a second change of no field", "08 05 80 23 01 61 20 01 62", "bad-frame"],
    ["an index that is not in the table", "04 05 80 03 7f", "header-table"],
    ["a value cut short", "05 05 80 23 05 61", "bad-frame"],
    ["a time before 1970", "09 05 80 60 ffffffffff3f", "bad-frame"],
    ["a time after the year 9999", "09 05 80 60 feffffffff7f", "bad-frame"],
    ["a difference longer than it is", "05 05 80 60 8000", "bad-frame"],
    ["a number of sixteen digits", "0b 05 80 81 ffffffffffffff0f", "bad-frame"],
    ["a number longer than it is", "05 05 80 81 8000", "bad-frame"],
    ["a tag in a form that is not known", "05 05 80 a2 21 00", "bad-frame"],
    ["a tag that is weak and has no quotes", "05 05 80 a2 08 00", "bad-frame"],
    ["a tag after another, where none stood", "04 05 80 c3 01", "bad-frame"],
    ["a tag after another to be inserted, where none stood", "04 05 80 e3 01", "bad-frame"],
    ["a tag after another cut short", "07 05 80 e2 02 012345", "bad-frame"],
    ["a tag with bits left over", "06 05 80 a2 04 01 0f", "bad-frame"],
    ["a base64 tag with bits left over", "06 05 80 a2 05 01 03", "bad-frame"],
    ["a tag of too many characters", "06 05 80 a2 04 8002", "bad-frame"],
    ["a tag cut short", "05 05 80 a2 04 08", "bad-frame"],
    ["a tag with a number of 2^48", "0e 05 80 a2 14 80808080808040 01 10", "bad-frame"],
    ["a tag with a number below zero", "08 05 80 e2 01 01234567", "bad-frame"],
    ["a UUID cut short", "06 05 80 a2 03 0011", "bad-frame"],
    ["another place than was filled", "02 05 81", "header-table"],
  ])("%s", (_, block, code) => {
    expect(decodedAfter(FIRST, block)).toThrow(expect.objectContaining({ code }));
  });

  it("a head to be remembered that is too large for it", () => {
    const w = new ByteWriter();
    const value = "v".repeat(mostRememberedCost(4096) - ENTRY_OVERHEAD_BYTES);
    w.sized(() => w.u8(2).u8(0x80).u8(0x20).text(value));
    expect(decodedAfter(["X", "x"], w.take().toString("hex"), 4096)).toThrow(
      expect.objectContaining({ code: "bad-frame" }),
    );
  });

  it("a head larger than headBytes, built from a remembered one", () => {
    const decoder = new HeaderDecoder({ tableBytes: TABLE_BYTES, headBytes: 10 });
    const block = (text: string) => decoder.decode(new ByteReader(hex(text)));
    expect(block("07 00 40 10 01 61 01 62")).toEqual(["a", "b"]);
    expect(() => block(`0e 02 80 20 0a ${"61".repeat(10)}`)).toThrow(
      expect.objectContaining({ code: "too-large" }),
    );
  });
});

describe("blocks changed at random", () => {
  it("decode to some head or end in a LinkError, and nothing else", () => {
    const random = seeded();
    const outcomes = new Map<string, number>();
    const FIRST = [
      "Date",
      DATE,
      "Age",
      "7",
      "ETag",
      '"1-01234567"',
      "Cookie",
      "a=1; session=0123456789abcdef",
    ];
    const SECOND = [
      "Date",
      DATE,
      "Age",
      "99",
      "ETag",
      '"2-abcdef01"',
      "Cookie",
      "a=2; session=fedcba9876543210",
    ];
    for (let run = 0; run < 4000; run++) {
      const { encode, decode, both } = pair();
      both(FIRST);
      const block = encode(random.pick([FIRST, SECOND]));
      for (let count = random.int(1, 3); count > 0; count--)
        block[random.int(3, block.length - 1)] = random.pick([0, 0x7f, 0x80, 0xff, random.int(0, 255)]);
      let outcome = "a head";
      try {
        expect(decode(block)).toHaveLength(FIRST.length);
      } catch (error) {
        if (!(error instanceof LinkError)) throw error;
        outcome = error.code;
      }
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    }
    for (const outcome of ["a head", "bad-frame", "header-table"])
      expect(outcomes.get(outcome), outcome).toBeGreaterThan(10);
  });
});
