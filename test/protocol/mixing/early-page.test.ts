// A page that is read while its coded bytes come: the same page wherever they are cut, and nobody waits for bytes that another one lacks.
import { setImmediate as turn } from "node:timers/promises";
import { describe, expect, it, vi } from "vitest";
import { DeltaError, type EarlyDecoding } from "../../../protocol/codec/codec.ts";
import {
  inUnitsOf,
  spliceCodec,
  spliceMixedAlone,
  spliceMixedInTurns,
  spliceMixedInUnits,
} from "../../../protocol/codec/splice.ts";
import { whole } from "../../../protocol/mixing/coded-in-turns.ts";
import { AT_ONCE_BYTES, LONG_PAGES } from "../../../protocol/mixing/long-pages.ts";
import { MIXED_ADDED_BYTES, MIXED_STEPS } from "../../../protocol/mixing/mixed-page.ts";
import { Mixer } from "../../../protocol/mixing/mixer.ts";
import { type Random, seeded } from "../../kit/random.ts";
import { laterPage, madePage } from "../codec/made-pages.ts";

interface Coded {
  readonly bases: readonly Buffer[];
  readonly page: Buffer;
  readonly coded: Buffer;
}

const LIMITS = { pageBytes: 1 << 20 };
const BOUNDS = { steps: MIXED_STEPS, addedBytes: MIXED_ADDED_BYTES };

const made = (coded: Buffer | undefined): Buffer => {
  if (coded === undefined) throw new Error("nothing was made");
  return coded;
};

const FORMS: readonly (readonly [string, (random: Random) => Promise<Coded>])[] = [
  [
    "on a base",
    async (random) => {
      const base = madePage(random, 300);
      const page = Buffer.concat([madePage(random, 200), laterPage(random, base, 60)]);
      const mixed = await spliceMixedInTurns([base], page, BOUNDS, () => "whole");
      return { bases: [base], page, coded: made(await whole(mixed?.coded)) };
    },
  ],
  [
    "by itself",
    async (random) => {
      const page = madePage(random, 400);
      return { bases: [], page, coded: made(await whole(await spliceMixedAlone(page))) };
    },
  ],
  [
    "in units",
    async (random) => {
      const base = madePage(random, 200);
      const page = Buffer.concat([madePage(random, 250), laterPage(random, base, 30)]);
      const found = inUnitsOf([base], page);
      return { bases: [base], page, coded: made(await whole(found && (await spliceMixedInUnits(found)))) };
    },
  ],
];

const begin = ({ bases, coded }: Pick<Coded, "bases" | "coded">, stillWanted?: () => void): EarlyDecoding => {
  const early = spliceCodec.early(bases, coded, { ...LIMITS, stillWanted });
  if (early === undefined) throw new Error("it was not begun");
  return early;
};

/** Written in pieces that end at these places, with a turn after each. */
const readIn = async (of: Pick<Coded, "bases" | "coded">, ends: Iterable<number>): Promise<Buffer> => {
  const early = begin(of);
  let at = 0;
  for (const end of [...ends, of.coded.length]) {
    early.write(of.coded.subarray(at, end));
    at = end;
    await turn();
  }
  return early.end();
};

const outcome = (page: Promise<Buffer>): Promise<string> =>
  page.then(
    (bytes) => bytes.toString("latin1"),
    (error: unknown) => {
      if (error instanceof DeltaError) return "refused";
      throw error;
    },
  );

describe.each(FORMS)("a page %s", (_, codedBy) => {
  it("is the same wherever it is cut", async () => {
    const random = seeded();
    const one = await codedBy(random);
    const each = Array.from({ length: one.coded.length - 1 }, (_, at) => at + 1);
    const some = Array.from({ length: 9 }, () => random.int(0, one.coded.length)).toSorted((a, b) => a - b);
    for (const ends of [each, [], [1], [one.coded.length - 1], some])
      expect((await readIn(one, ends)).equals(one.page), `${ends.length} cuts`).toBe(true);
    expect(LONG_PAGES.isBusy).toBe(false);
  });

  it("that is damaged, cut or followed by more is what it is when all is here", async () => {
    const random = seeded();
    const { bases, coded } = await codedBy(random);
    for (let round = 0; round < 30; round++) {
      const at = random.int(1, coded.length - 1);
      const bad = [
        Buffer.concat([coded.subarray(0, at), random.bytes(coded.length - at)]),
        coded.subarray(0, at),
        Buffer.concat([coded, random.bytes(random.int(1, 90))]),
      ][round % 3] as Buffer;
      const ends = Array.from({ length: round < 6 ? bad.length : 9 }, (_, cut) =>
        round < 6 ? cut : Math.floor((cut * bad.length) / 9),
      ).slice(1);
      const inPieces = await outcome(readIn({ bases, coded: bad }, ends));
      expect(inPieces === (await outcome(spliceCodec.decode(bases, bad, LIMITS))), `${round}: ${at}`).toBe(
        true,
      );
    }
  });

  it("is read as far as it has come, and the rest takes the turns that the rest needs", async () => {
    const one = await codedBy(seeded());
    const turnsOf = async (reading: Promise<Buffer>): Promise<number> => {
      let turns = 0;
      let isOver = false;
      const over = reading.finally(() => {
        isOver = true;
      });
      for (; !isOver; turns++) await turn();
      expect((await over).equals(one.page)).toBe(true);
      return turns;
    };
    const all = await turnsOf(spliceCodec.decode(one.bases, one.coded, LIMITS));
    const early = begin(one);
    early.write(one.coded.subarray(0, -1));
    for (let turns = 0; turns < 2 * all; turns++) await turn();
    early.write(one.coded.subarray(-1));
    expect(all).toBeGreaterThan(3);
    expect(await turnsOf(early.end())).toBeLessThan(all / 2);
  });
});

describe("beside others", () => {
  const pages = async () => {
    const random = seeded();
    const one = await (FORMS[0] as (typeof FORMS)[number])[1](random);
    const other = await (FORMS[1] as (typeof FORMS)[number])[1](random);
    return { one, other };
  };

  it("a page that lacks bytes holds up none that is here, and goes on where it was", async () => {
    const { one, other } = await pages();
    const early = begin(one);
    early.write(one.coded.subarray(0, one.coded.length >> 1));
    for (let turns = 0; turns < 20; turns++) await turn();
    const read = await Promise.all([1, 2].map(() => spliceCodec.decode(other.bases, other.coded, LIMITS)));
    expect(read.map((page) => page.equals(other.page))).toEqual([true, true]);
    early.write(one.coded.subarray(one.coded.length >> 1));
    expect((await early.end()).equals(one.page)).toBe(true);
  });

  it("a page takes one slice in a turn, whatever of it is here", async () => {
    const { one } = await pages();
    let slices = 0;
    const early = begin(one, () => void slices++);
    early.write(one.coded.subarray(0, -1));
    const taken: number[] = [];
    for (let turns = 0; turns < 6; turns++) {
      const before = slices;
      await turn();
      taken.push(slices - before);
    }
    expect(Math.max(...taken)).toBeLessThan(3);
    expect(slices).toBeGreaterThan(3);
    early.write(one.coded.subarray(-1));
    expect((await early.end()).equals(one.page)).toBe(true);
  });

  it("a second one is left for when it is here, and so is one that comes while another is read", async () => {
    const { one, other } = await pages();
    const early = begin(one);
    expect(spliceCodec.early(other.bases, other.coded, LIMITS)).toBeUndefined();
    early.write(one.coded);
    await early.end();
    const reading = spliceCodec.decode(other.bases, other.coded, LIMITS);
    expect(spliceCodec.early(one.bases, one.coded, LIMITS)).toBeUndefined();
    await reading;
    const again = begin(one);
    again.write(one.coded);
    expect((await again.end()).equals(one.page)).toBe(true);
  });

  it("no slice of it is read while one that is here is, and it takes its place in the row once it is here", async () => {
    const { one, other } = await pages();
    let slices = 0;
    const early = begin(one, () => void slices++);
    early.write(one.coded.subarray(0, -1));
    const reading = spliceCodec.decode(other.bases, other.coded, LIMITS);
    const before = slices;
    for (let turns = 0; LONG_PAGES.isBusy && turns < 3; turns++) await turn();
    expect([LONG_PAGES.waiting, slices - before]).toEqual([1, 1]);
    early.write(one.coded.subarray(-1));
    const page = early.end();
    await turn();
    expect(LONG_PAGES.waiting).toBe(2);
    expect((await reading).equals(other.page)).toBe(true);
    expect((await page).equals(one.page)).toBe(true);
  });

  it("one that nobody waits for any more leaves its place at once", async () => {
    const { one, other } = await pages();
    const early = begin(one);
    early.write(one.coded.subarray(0, 3_000));
    await turn();
    early.giveUp();
    await turn();
    early.write(one.coded.subarray(3_000));
    const next = begin(other);
    next.write(other.coded);
    expect((await next.end()).equals(other.page)).toBe(true);
  });

  it("one that is refused before all of it has come takes in no more, though another is read by its coder", async () => {
    const { one, other } = await pages();
    const refused = begin({ bases: [], coded: Buffer.of(3) });
    // A run of bases that are not there.
    refused.write(one.coded.subarray(0, 2_000));
    for (let turns = 0; turns < 3; turns++) await turn();
    const next = begin(other);
    next.write(other.coded.subarray(0, 2_000));
    await turn();
    refused.write(one.coded.subarray(2_000));
    await expect(refused.end()).rejects.toThrow(DeltaError);
    await turn();
    next.write(other.coded.subarray(2_000));
    expect((await next.end()).equals(other.page)).toBe(true);
  });

  it("one whose units are not there, and that nobody asks for, is heard", async () => {
    const inUnits = await (FORMS[2] as (typeof FORMS)[number])[1](seeded());
    const refused = begin({ ...inUnits, bases: [Buffer.from("<p>one</p>")] });
    refused.write(inUnits.coded);
    for (let turns = 0; turns < 3; turns++) await turn();
    refused.giveUp();
    expect((await readIn(inUnits, [])).equals(inUnits.page)).toBe(true);
  });

  it("all of them are read by as few coders", async () => {
    const { one, other } = await pages();
    await readIn(one, []);
    const made = vi.spyOn(Mixer, "another");
    for (const each of [one, other, one]) await readIn(each, [5_000]);
    begin(other).giveUp();
    await turn();
    for (const { bases, coded } of [one, other]) await spliceCodec.decode(bases, coded, LIMITS);
    await readIn(one, []);
    expect(made.mock.calls.length).toBe(0);
    vi.restoreAllMocks();
  });

  it("one whose visitor has left rejects with what it is told, and leaves its place", async () => {
    const { one, other } = await pages();
    const left = new Error("the visitor has left");
    let hasLeft = false;
    const early = begin(one, () => {
      if (hasLeft) throw left;
    });
    early.write(one.coded.subarray(0, 3_000));
    await turn();
    hasLeft = true;
    early.write(one.coded.subarray(3_000));
    await expect(early.end()).rejects.toBe(left);
    expect((await readIn(other, [])).equals(other.page)).toBe(true);
  });
});

it("more than is ever written is refused, however it comes", async () => {
  const early = begin({ bases: [], coded: Buffer.of(4) });
  const random = seeded();
  for (let piece = 0; piece < 9; piece++) early.write(random.bytes(4 * AT_ONCE_BYTES));
  await expect(early.end()).rejects.toThrow(DeltaError);
});

it("what is coded otherwise is decoded when it is here", () => {
  for (const form of [0, 1, 2, 5])
    expect(spliceCodec.early([], Buffer.of(form, 1, 2), LIMITS)).toBeUndefined();
  expect(spliceCodec.early([], Buffer.alloc(0), LIMITS)).toBeUndefined();
});
