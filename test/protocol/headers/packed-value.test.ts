/** Values in fewer bytes: each way gives back the same text, or is not used. SPEC section "Changes". */
import { describe, expect, it } from "vitest";
import {
  areShapedAlike,
  countedFrom,
  MOST_TAG_CHARACTERS,
  numberOf,
  readNumber,
  readTag,
  readTagAfter,
  readTime,
  tagOf,
  writeTag,
  writeTagAfter,
} from "../../../protocol/headers/packed-value.ts";
import { fixdateOf, LATEST_SECONDS, secondsOf } from "../../../protocol/http/http-date.ts";
import { ByteReader, ByteWriter } from "../../../protocol/wire/bytes.ts";
import { Differences } from "../../kit/differences.ts";
import { seeded } from "../../kit/random.ts";

const EPOCH = "Thu, 01 Jan 1970 00:00:00 GMT";
const LAST = "Fri, 31 Dec 9999 23:59:59 GMT";
const badFrame = expect.objectContaining({ code: "bad-frame" });

describe("signed numbers", () => {
  it("survive, small ones either way in a byte", () => {
    const random = seeded();
    const numbers = [0, 1, -1, 63, -64, 64, -65, 2 ** 51, -(2 ** 51)];
    for (let i = 0; i < 500; i++) numbers.push(random.int(0, 2 ** 40) - 2 ** 39);
    for (const number of numbers) {
      const w = new ByteWriter();
      w.signed(number);
      const bytes = w.take();
      expect(new ByteReader(bytes).signed()).toBe(number);
      expect(bytes.length === 1, `${number}`).toBe(number >= -64 && number <= 63);
    }
  });
});

describe("times", () => {
  const told = (seconds: number): ByteReader => {
    const w = new ByteWriter();
    w.signed(seconds);
    return new ByteReader(w.take());
  };

  it("reach from 1970 to the end of the year 9999, and no further", () => {
    expect([secondsOf(EPOCH), secondsOf(LAST)]).toEqual([0, LATEST_SECONDS]);
    expect(readTime(told(LATEST_SECONDS), 0)).toBe(LAST);
    expect(() => readTime(told(LATEST_SECONDS + 1), 0)).toThrow(badFrame);
    expect(readTime(told(-LATEST_SECONDS), LATEST_SECONDS)).toBe(EPOCH);
    expect(() => readTime(told(-1), 0)).toThrow(badFrame);
  });

  it.each([
    [["Date", LAST], LATEST_SECONDS],
    [["X", EPOCH, "dAtE", EPOCH, "Date", LAST], 0],
    [["Date", "now", "Date", LAST], Date.UTC(2026, 0) / 1000],
    [["Last-Modified", LAST], Date.UTC(2026, 0) / 1000],
    [[], Date.UTC(2026, 0) / 1000],
  ])("of a head after %j are counted from %d", (head, seconds) => {
    expect(countedFrom(head)).toBe(seconds);
  });

  it.each([
    "",
    "0",
    "Thu, 01 Jan 1970 00:00:00 UTC",
    "Fri, 01 Jan 1970 00:00:00 GMT", // another day of the week
    "thu, 01 jan 1970 00:00:00 gmt",
    "Thu, 1 Jan 1970 00:00:00  GMT",
    "Wed, 31 Dec 1969 23:59:59 GMT",
    "Thu, 30 Feb 2026 00:00:00 GMT",
    "Thu, 01 Jan 1970 24:00:00 GMT",
    "Sunday, 06-Nov-94 08:49:37 GMT",
    "Sun Nov  6 08:49:37 1994",
    "2026-03-02T10:00:00.000+00:00",
  ])("%s is none", (text) => {
    expect(secondsOf(text)).toBeUndefined();
  });
});

describe("a date and its seconds", () => {
  it("are those of the language's own", () => {
    const random = seeded();
    const differences = new Differences();
    for (let i = 0; i < 3000; i++) {
      const seconds = random.int(0, random.pick([LATEST_SECONDS, 4_000_000_000]));
      const text = new Date(seconds * 1000).toUTCString();
      differences.check(fixdateOf(seconds), text, seconds);
      differences.check(secondsOf(text), seconds, text);
    }
    expect(differences.found).toEqual([]);
  });

  it("with any one character changed are another date, or none", () => {
    const text = "Mon, 02 Mar 2026 10:00:00 GMT";
    for (let at = 0; at < text.length; at++)
      for (const character of "09: ,GMaAo-\n\xff") {
        const changed = text.slice(0, at) + character + text.slice(at + 1);
        const seconds = secondsOf(changed);
        if (seconds !== undefined) expect(new Date(seconds * 1000).toUTCString()).toBe(changed);
      }
  });
});

describe("numbers", () => {
  const MOST = 999_999_999_999_999;

  it("have up to 15 digits", () => {
    expect(numberOf("0")).toBe(0);
    expect(numberOf(String(MOST))).toBe(MOST);
    expect(readNumber(new ByteReader(new ByteWriter().varint(MOST).take()))).toBe(MOST);
    expect(() => readNumber(new ByteReader(new ByteWriter().varint(MOST + 1).take()))).toThrow(badFrame);
  });

  it.each(["", "01", "1.0", "-1", "+1", " 1", "1e3", "1000000000000000", "0x10", "NaN", "1\n"])(
    "%j is none",
    (text) => {
      expect(numberOf(text)).toBeUndefined();
    },
  );
});

describe("tags", () => {
  const through = (text: string, before = "", length = 0): Buffer => {
    const tag = tagOf(text);
    if (tag === undefined) throw new Error(`${text} is no tag`);
    const w = new ByteWriter();
    const old = tagOf(before);
    const alike = old !== undefined && areShapedAlike(old, tag);
    if (alike) writeTagAfter(w, tag, length);
    else writeTag(w, tag);
    const bytes = w.take();
    const reader = new ByteReader(bytes);
    expect(alike ? readTagAfter(reader, before, length) : readTag(reader, reader.u8())).toBe(text);
    expect(reader.left).toBe(0);
    return bytes;
  };

  it.each([
    ['"0123456789abcdef0123456789abcdef"', "0420 0123456789abcdef0123456789abcdef"],
    ['W/"abcdef0"', "0c07 abcdef00"],
    ['"5f3e1a2b-1f4a"', "14 abb4f8f905 04 1f4a"],
    [
      'W/"0-2jmj7l5rSw0yVb/vlWAYkK/YBwk"',
      "1d 00 1b da39a3ee5e6b4b0d3255bfef95601890afd80709 00".replace(" 00 1b", "001b"),
    ],
    ["1b4e28ba-2fa1-11d2-883f-0016d3cca427", "03 1b4e28ba2fa111d2883f0016d3cca427"],
    ["cHc_3-Xy-9AB", "02 0c 70773fdfe5f2fbd001"],
  ])("%s", (text, bytes) => {
    expect(through(text).toString("hex")).toBe(bytes.replaceAll(" ", ""));
  });

  it("of the shape of the one before are shorter still", () => {
    expect(through('W/"13974-AAAAAAAA"', 'W/"1-BBBBBBBB"', 80_250).toString("hex")).toBe("0b000000000000");
    expect(through('"0123456789"', '"abcdefabcd"').toString("hex")).toBe("0123456789");
  });

  it.each([
    "",
    '"short"',
    '"an entity tag"',
    '"0123456789',
    'W/0123456789"',
    '"0123+5678_"',
    '"0123456789abcdef="',
    `"${"a".repeat(MOST_TAG_CHARACTERS + 1)}"`,
    '"0123456789\xff"',
    "'0123456789'",
  ])("%j is none of one alphabet", (text) => {
    expect(tagOf(text)).toBeUndefined();
  });

  it("of the most characters is one", () => {
    through(`"${"a".repeat(MOST_TAG_CHARACTERS)}"`);
  });

  it("at random survive, after any other", () => {
    const random = seeded();
    let before = "";
    for (let i = 0; i < 3000; i++) {
      const bytes = random.bytes(random.int(3, 40));
      const coded = bytes.toString(random.pick(["hex", "base64", "base64url"] as const)).replaceAll("=", "");
      const inside = coded.slice(random.int(0, 3));
      const sized = random.chance(0.5) ? `${random.int(0, 2 ** 48 - 1).toString(16)}-${inside}` : inside;
      const text = random.pick([sized, `"${sized}"`, `W/"${sized}"`]);
      if (tagOf(text) === undefined) continue;
      through(text, before, random.pick([0, 80_000]));
      if (random.chance(0.7)) before = text;
    }
  });
});
