// Pages with more of their own than is mixed at once: in turns of the event loop, one after the other.
import { describe, expect, it } from "vitest";
import { whole } from "../../../protocol/mixing/coded-in-turns.ts";
import { AT_ONCE_BYTES, LONG_PAGES } from "../../../protocol/mixing/long-pages.ts";
import {
  MIXED_ADDED_BYTES,
  MIXED_STEPS,
  MIXED_TEXT_BYTES,
  mixedInTurns as mixedInPieces,
  mixedPage,
  unmixedPage,
} from "../../../protocol/mixing/mixed-page.ts";
import { seeded } from "../../kit/random.ts";
import { laterPage, madePage, madeVersions } from "../codec/made-pages.ts";

const BOUNDS = { steps: MIXED_STEPS, addedBytes: MIXED_ADDED_BYTES };
const LIMIT = { pageBytes: MIXED_TEXT_BYTES };
const ALWAYS = () => "whole" as const;

const mixedInTurns = async (...of: Parameters<typeof mixedInPieces>) => {
  const made = await mixedInPieces(...of);
  return made && { ...made, coded: await whole(made.coded) };
};

const turnsUntil = async (done: Promise<unknown>): Promise<number> => {
  let isDone = false;
  const ended = done.then(() => {
    isDone = true;
  });
  let turns = 0;
  for (; !isDone; turns++)
    await new Promise<void>((resolve) => {
      setImmediate(resolve);
    });
  await ended;
  return turns;
};

describe("a page with much of its own", () => {
  it("comes back, and others are mixed at once between its slices", async () => {
    const random = seeded();
    const [base, page] = [madePage(random, 400), madePage(random, 400)];
    const [small, later] = madeVersions(random, { rows: 30, count: 2 }) as [Buffer, Buffer];
    const alone = mixedPage([small], later, BOUNDS)?.coded ?? Buffer.alloc(0);
    const making = mixedInTurns([base], page, BOUNDS, ALWAYS);
    const turns = turnsUntil(making);
    await new Promise<void>((resolve) => {
      setImmediate(resolve);
    });
    expect(mixedPage([small], later, BOUNDS)?.coded.equals(alone)).toBe(true);
    const made = await making;
    expect(await turns).toBeGreaterThan(2);
    if (made === undefined) throw new Error("nothing was made");
    const reading = unmixedPage([base], made.coded, LIMIT);
    expect(reading).toBeInstanceOf(Promise);
    expect((unmixedPage([small], alone, LIMIT) as Buffer).equals(later)).toBe(true);
    expect((await reading)?.equals(page)).toBe(true);
  });

  it("is what would be made at once, where that is no more than is done so", async () => {
    const [base, page] = madeVersions(seeded(), { rows: 90, count: 2 }) as [Buffer, Buffer];
    const made = await mixedInTurns([base], page, BOUNDS, ALWAYS);
    expect(made?.coded.equals(mixedPage([base], page, BOUNDS)?.coded ?? Buffer.alloc(0))).toBe(true);
  });

  it("says on how many bases it was coded, the best alone where that is enough", async () => {
    const random = seeded();
    const [other, best] = [random.bytes(9_000), random.bytes(9_000)];
    for (const [own, bases] of [
      [4_096, 1],
      [4_097, 2],
    ] as const) {
      const page = Buffer.concat([best.subarray(1_000, 2_000), other.subarray(2_000, 2_000 + own)]);
      const made = await mixedInTurns([other, best], page, BOUNDS, ALWAYS);
      expect(made?.bases).toBe(bases);
      const on = [other, best].slice(2 - bases);
      expect((await unmixedPage(on, made?.coded ?? Buffer.alloc(0), LIMIT))?.equals(page)).toBe(true);
    }
  });

  it("is not begun while another is under way, and several are read one after the other", async () => {
    const random = seeded();
    const pages = [madePage(random, 300), madePage(random, 300)] as const;
    const first = mixedInTurns([], pages[0], BOUNDS, ALWAYS);
    expect(await mixedInTurns([], pages[1], BOUNDS, ALWAYS)).toBeUndefined();
    const coded = [await first, await mixedInTurns([], pages[1], BOUNDS, ALWAYS)].map((made) => made?.coded);
    const read = coded.map((each) => unmixedPage([], each ?? Buffer.alloc(0), LIMIT));
    const got = await Promise.all(read);
    expect(got.map((page, at) => page?.equals(pages[at] as Buffer))).toEqual([true, true]);
  });

  it("is not coded where it is not worth it, by what is its own", async () => {
    const random = seeded();
    const own = random.bytes(AT_ONCE_BYTES + 100);
    const base = random.bytes(5_000);
    const asked: number[] = [];
    const worth = (bytes: number) => (asked.push(bytes) > 1 ? "pieces" : "nothing");
    expect(await mixedInTurns([base], Buffer.concat([base, own]), BOUNDS, worth)).toBeUndefined();
    expect(asked).toEqual([own.length]);
    expect(await mixedInTurns([base], Buffer.concat([base, own]), BOUNDS, worth)).toBeDefined();
  });

  it("has no more than the law allows, whoever wrote it", async () => {
    const page = seeded().bytes(MIXED_ADDED_BYTES + 1);
    const most = page.subarray(1);
    const beyond = await mixedInTurns([], page, { ...BOUNDS, addedBytes: page.length }, ALWAYS);
    expect(beyond).toBeDefined();
    expect(await unmixedPage([], beyond?.coded ?? Buffer.alloc(0), LIMIT)).toBeUndefined();
    const made = await mixedInTurns([], most, BOUNDS, ALWAYS);
    expect((await unmixedPage([], made?.coded ?? Buffer.alloc(0), LIMIT))?.equals(most)).toBe(true);
  });

  it("that is damaged is refused, or another page, and the next one is read all the same", async () => {
    const random = seeded();
    const base = madePage(random, 200);
    const page = Buffer.concat([madePage(random, 200), laterPage(random, base, 9)]);
    const coded = (await mixedInTurns([base], page, BOUNDS, ALWAYS))?.coded ?? Buffer.alloc(0);
    for (const at of [coded.length - 9, coded.length >> 1, coded.length >> 2]) {
      const damaged = Buffer.from(coded);
      damaged[at] = (damaged[at] ?? 0) ^ 16;
      const [got, whole] = await Promise.all([
        unmixedPage([base], damaged, LIMIT),
        unmixedPage([base], coded, LIMIT),
      ]);
      expect([got?.equals(page) ?? false, whole?.equals(page)]).toEqual([false, true]);
    }
  });

  it("that nobody waits for any more is not read on, nor begun, and rejects with what it is told; others are read", async () => {
    const random = seeded();
    const page = madePage(random, 300);
    const coded = (await mixedInTurns([], page, BOUNDS, ALWAYS))?.coded ?? Buffer.alloc(0);
    const cancelled = new Error("the visitor has left");
    const asked = [0, 0];
    /** Until it was asked so many times. */
    const wantedFor = (reader: number, times: number) => () => {
      asked[reader] = (asked[reader] ?? 0) + 1;
      if ((asked[reader] ?? 0) > times) throw cancelled;
    };
    const read = (stillWanted?: () => void) => unmixedPage([], coded, { ...LIMIT, stillWanted });
    const [begun, waiting, whole] = await Promise.allSettled([
      read(wantedFor(0, 3)),
      read(wantedFor(1, 0)),
      read(),
    ]);
    expect([begun, waiting]).toEqual(Array(2).fill({ status: "rejected", reason: cancelled }));
    expect(asked).toEqual([4, 1]);
    expect(whole).toMatchObject({ status: "fulfilled", value: page });
    expect(LONG_PAGES.waiting).toBe(0);
  });
});
