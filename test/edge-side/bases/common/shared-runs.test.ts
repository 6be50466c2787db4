/**
 * The pieces that pages share, and above all what never is among them: whatever fewer than three people have, in whole
 * or in part, wherever it stands. Checked against a slow model, against 100,000 planted tokens, and as an attack.
 */
import { describe, expect, it } from "vitest";
import {
  commonPieces,
  LEAST_PIECE_BYTES,
  MOST_SOURCES,
} from "../../../../edge-side/bases/common/shared-runs.ts";
import { unitsOf } from "../../../../edge-side/bases/common/tokenize-page.ts";
import { BETWEEN_PIECES } from "../../../../protocol/codec/page-units.ts";
import { type Random, seeded } from "../../../kit/random.ts";
import { inOneGo } from "../../../kit/slices.ts";

const SEPARATOR = String.fromCharCode(BETWEEN_PIECES);

const baseOf = (pages: readonly (string | Buffer)[]): string => {
  const { result } = inOneGo(commonPieces(pages.map((page) => Buffer.from(page as string))));
  return result?.toString("latin1") ?? "no text";
};
const piecesOf = (pages: readonly (string | Buffer)[]): string[] =>
  baseOf(pages).split(SEPARATOR).slice(0, -1);

const LONG = "a text that every page has, of more bytes than the least ";

describe("common pieces", () => {
  it("are what three pages share, without what is one's own", () => {
    const page = (name: string, token: string) =>
      `<p class="greeting">Good day, ${name}</p>\n<form action="/save"><input name="token" value="${token}">${LONG}</form>`;
    expect(piecesOf([page("Ann", "a1"), page("Bob", "b2"), page("Eve", "e3")])).toEqual([
      '</p>\n<form action="/save"><input name="token" value="'.slice(1),
      `">${LONG}</form>`.slice(1),
    ]);
  });

  it.each([0, 1, 2])("are none of %i pages", (count) => {
    expect(baseOf(Array.from({ length: count }, () => `<p>${LONG}</p>`))).toBe("");
  });

  it("are undefined where a page is no text", () => {
    expect(baseOf([LONG, LONG, Buffer.from([0xff])])).toBe("no text");
  });

  it("may be shared by other two people each", () => {
    const [one, two, three] = ["1", "2", "3"].map((each) => `\n${LONG}${each}\n`) as [string, string, string];
    const pages = [one + two + three, one + two, two + three, one + three];
    expect(piecesOf(pages).map((piece) => piece.trim())).toEqual([`${LONG}1`, `${LONG}2`, `${LONG}3`]);
  });

  it("are of the same people from end to end: what two share with some, and two with others, is none", () => {
    const [left, right] = [`"${LONG}left"`, `"${LONG}right"`];
    // Each half is shared by three, but the whole by the first page alone.
    const pages = [left + right, `${left}x`, `${left}y`, `x${right}`, `"y${right}`];
    const base = baseOf(pages);
    expect(base).toContain(`${LONG}left"`);
    expect(base).not.toContain(left + right);
    expect(base).not.toContain(`left""${LONG}`);
  });

  it.each([
    [LEAST_PIECE_BYTES, 1],
    [LEAST_PIECE_BYTES - 1, 0],
  ])("have enough bytes: %i make %i piece", (bytes, count) => {
    const shared = `"${"x".repeat(bytes - 2)}"`;
    expect(piecesOf([1, 2, 3].map((own) => `<${own}<${shared}${own}`))).toHaveLength(count);
  });

  it("holds what moved to another place", () => {
    const parts = Array.from({ length: 20 }, (_, at) => `<li class="item-${at}">${LONG}${at}</li>\n`);
    const rotated = (by: number) => [...parts.slice(by), ...parts.slice(0, by)].join("");
    expect(baseOf([rotated(0), rotated(7), rotated(13)]).length).toBeGreaterThan(rotated(0).length);
  });
});

/** The units of a text, as texts. */
const unitTexts = (text: string): string[] => {
  const page = Buffer.from(text, "latin1");
  const units = inOneGo(unitsOf(page, new Map())).result;
  return Array.from(units?.numbers ?? [], (_, at) =>
    page.toString("latin1", units?.starts[at], units?.starts[at + 1]),
  );
};

/** Whether a run of units stands in a row of units, unbroken. */
const standsIn = (run: readonly string[], row: readonly string[]): boolean =>
  row.some((_, at) => run.every((unit, i) => row[at + i] === unit));

const DELIMITERS = ["<", ">", '"', "?", "\n", "&amp;"];
const LETTERS = [..."abcdefghijklmnopqrstuvwxyz0123456789"];
const textOf = (random: Random, chars: number, letters = LETTERS): string =>
  Array.from({ length: chars }, () => random.pick(letters)).join("");

const randomPage = (random: Random, words: readonly string[]): string =>
  Array.from({ length: 60 }, () => random.pick(words) + random.pick(["", " ", ...DELIMITERS])).join("");

it("every piece is a run of whole units of two other pages, in 2,000 random sets of pages", () => {
  const random = seeded();
  for (let set = 1; set <= 2_000; set++) {
    const words = Array.from({ length: 12 }, () => textOf(random, random.int(1, 14)));
    const shared = randomPage(random, words);
    const count = random.int(3, MOST_SOURCES);
    const pages = Array.from({ length: count }, () => {
      const at = random.int(0, shared.length);
      return shared.slice(0, at) + randomPage(random, words).slice(0, random.int(0, 60)) + shared.slice(at);
    });
    const [spine, ...others] = pages.map(unitTexts) as [string[], ...string[][]];
    const wrong = piecesOf(pages).filter((piece) => {
      const run = unitTexts(piece);
      return !standsIn(run, spine) || others.filter((row) => standsIn(run, row)).length < 2;
    });
    expect(wrong, `set ${set}`).toEqual([]);
  }
});

describe("a token that fewer than three people have", () => {
  const TOKENS = 100_000;
  const TOKEN_CHARS = 12;
  const SETS = 200;

  it(`is never in it: ${TOKENS} tokens planted anywhere`, () => {
    let planted = 0;
    let madeBytes = 0;
    const random = seeded();
    for (let set = 1; set <= SETS; set++) {
      const template = Array.from(
        { length: 150 },
        (_, at) => `<li class="c${at % 7}"><a href="/item?id=${at}&amp;x=${at % 5}">${LONG}${at}</a></li>\n`,
      ).join("");
      const tokens = new Set<string>();
      /** Token and place, for one page or two. */
      const plans = Array.from({ length: TOKENS / SETS }, () => {
        const token = textOf(random, TOKEN_CHARS, [...LETTERS, ..." -,;'=/+._&"]);
        tokens.add(token);
        return { token, at: random.int(0, template.length), pages: [random.int(0, 4), random.int(0, 4)] };
      });
      planted += tokens.size;
      const pages = Array.from({ length: 5 }, (_, page) => {
        let text = template;
        for (const { token, at } of plans
          .filter((plan) => plan.pages.includes(page))
          .sort((a, b) => b.at - a.at))
          text = text.slice(0, at) + token + text.slice(at);
        return text;
      });
      const base = baseOf(pages);
      madeBytes += base.length;
      const found = Array.from(base, (_, at) => base.slice(at, at + TOKEN_CHARS)).filter((part) =>
        tokens.has(part),
      );
      expect(found, `set ${set}`).toEqual([]);
    }
    expect(planted).toBeGreaterThan(TOKENS * 0.99);
    // A base that is always empty would verify nothing.
    expect(madeBytes / SETS).toBeGreaterThan(2_000);
  });

  it("tells nothing by how much of a guess is right, whoever's page the pieces are taken from", () => {
    const SECRET = "4821-9375-0614";
    const page = (value: string, query: string) =>
      `<h1>Account</h1>\n<form action="/pay"><input type="hidden" name="csrf" value="${value}"></form>` +
      `<p>You searched for: ${query}</p>${LONG}<i>${LONG}</i>`;
    const wrong = "~".repeat(SECRET.length);
    for (let known = 1; known < SECRET.length; known++) {
      const guess = SECRET.slice(0, known);
      /** The attacker places the guess where the victim's value stands, and in what he searched for. */
      const attacks = (value: string) => [
        [page(value, guess), page(value, guess), page(SECRET, "")],
        [page(SECRET, ""), page(value, guess), page(value, guess)],
        [page("a", `csrf" value="${value}`), page("b", `csrf" value="${value}`), page(SECRET, "")],
        [page(SECRET, ""), page("a", `csrf" value="${value}"`), page("b", `csrf" value="${value}"`)],
      ];
      const right = attacks(guess).map(baseOf);
      const none = attacks(wrong.slice(0, known)).map(baseOf);
      for (const [at, base] of right.entries()) {
        expect(base, guess).not.toContain(SECRET);
        expect(base, `guess ${guess}, attack ${at}`).toBe(none[at]?.replaceAll(wrong.slice(0, known), guess));
      }
    }
  });

  it("is in it only when all of it is right: a whole value equal in three sessions", () => {
    const page = (value: string) => `<input type="hidden" name="csrf" value="${value}">${LONG}<i>${LONG}</i>`;
    const [right, wrong] = ["4821-9375-0614", "4821-9375-0615"].map((guess) =>
      baseOf([page(guess), page(guess), page("4821-9375-0614")]),
    );
    expect([right?.includes("4821-9375-0614"), wrong?.includes("4821")]).toEqual([true, false]);
  });
});

describe("the work", () => {
  const KIB = 1024;
  const slicesOf = (pages: readonly string[]): number =>
    inOneGo(commonPieces(pages.map((page) => Buffer.from(page)))).slices;

  it.each([
    ["one delimiter again and again", (size: number) => "<".repeat(size)],
    [
      "few units in many orders",
      (size: number) => {
        const random = seeded();
        return Array.from({ length: size / 2 }, () => random.pick(["a<", "b<", "c<"])).join("");
      },
    ],
    [
      "alike rows",
      (size: number) =>
        Array.from({ length: size / 32 }, (_, at) => `<tr><td>cell</td><td>${at % 97}</td></tr>\n`).join(""),
    ],
  ])("grows with the size of the pages, no faster: %s", (_, make) => {
    const [small, large] = [16 * KIB, 64 * KIB].map((size) =>
      slicesOf([`1<${make(size)}`, `2<${make(size)}`, `<${make(size - 5)}`, make(size).slice(3)]),
    ) as [number, number];
    expect(large).toBeLessThan(small * 6);
  });
});
