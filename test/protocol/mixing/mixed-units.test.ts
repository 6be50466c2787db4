import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { DeltaError } from "../../../protocol/codec/codec.ts";
import {
  inUnitsOf,
  spliceCodec,
  splicedInUnits,
  spliceMixed,
  spliceMixedAlone,
  spliceMixedInUnits,
} from "../../../protocol/codec/splice.ts";
import { MOST_STEPS } from "../../../protocol/codec/splice-steps.ts";
import { zstdCodec } from "../../../protocol/codec/zstd.ts";
import { LONG_CODING, whole } from "../../../protocol/mixing/coded-in-turns.ts";
import { KNOWN_TEXT } from "../../../protocol/mixing/known-text.ts";
import { AT_ONCE_BYTES, LONG_PAGES } from "../../../protocol/mixing/long-pages.ts";
import { MIXED_ADDED_BYTES } from "../../../protocol/mixing/mixed-page.ts";
import { mixedUnits, unmixedUnits } from "../../../protocol/mixing/mixed-units.ts";
import { Mixer } from "../../../protocol/mixing/mixer.ts";
import { Random, seeded } from "../../kit/random.ts";
import { laterPage, madePage, madeVersions } from "../codec/made-pages.ts";

const LIMIT = { pageBytes: 1 << 21 };
const LIST = Array.from({ length: 12 }, (_, at) => `<li><a href="/item/${at * 7}">Item ${at}</a></li>`);

const mixed = async (bases: readonly Buffer[], page: Buffer): Promise<Buffer> => {
  const found = inUnitsOf(bases, page);
  const coded =
    bases.length === 0 ? await spliceMixedAlone(page) : found && (await spliceMixedInUnits(found));
  if (coded === undefined) throw new Error("the page is beyond the bounds");
  return whole(coded);
};

describe("a page that is mixed in units", () => {
  it.each([0, 1, 2, 4, 8])("comes back from %i bases, in a buffer of its own", async (count) => {
    const random = seeded();
    for (let round = 0; round < 6; round++) {
      const versions = madeVersions(random, { rows: random.int(1, 60), count: count + 1 });
      const page = laterPage(random, versions[count] ?? Buffer.alloc(0), random.int(0, 12));
      const bases = versions.slice(0, count);
      const got = await spliceCodec.decode(bases, await mixed(bases, page), { pageBytes: page.length });
      expect(got.equals(page)).toBe(true);
      expect(got.buffer.byteLength).toBe(page.length);
    }
  });

  it.each([
    ["nothing", Buffer.alloc(0)],
    ["one byte", Buffer.from("x")],
    ["a text that both sides know", KNOWN_TEXT],
    ["chance", new Random(1).bytes(4_000)],
    ["as many bytes as may be", new Random(2).bytes(MIXED_ADDED_BYTES)],
  ])("by itself of %s comes back", async (_, page) => {
    expect((await spliceCodec.decode([], await mixed([], page), LIMIT)).equals(page)).toBe(true);
  });

  it("by itself has no more bytes than may be added", async () => {
    const page = seeded().bytes(MIXED_ADDED_BYTES + 1);
    expect(await spliceMixedAlone(page)).toBeUndefined();
    expect(await whole(await spliceMixedAlone(page.subarray(1)))).toBeDefined();
  });

  it("takes fewer bytes than by zstd, and a small page far fewer", async () => {
    const [small, large] = [
      Buffer.from(
        `<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>Weather</title>\n<meta name="viewport" content="width=device-width, initial-scale=1"></head><body><main><p>It will be dry for most of the day.</p></main></body></html>\n`,
      ),
      madePage(seeded(), 60),
    ];
    expect((await mixed([], small)).length).toBeLessThan(0.5 * (await zstdCodec.encode([], small)).length);
    expect((await mixed([], large)).length).toBeLessThan(0.9 * (await zstdCodec.encode([], large)).length);
  });

  it("takes fewer bytes than the same units told otherwise", async () => {
    const [base, page] = [1, 3].map((by) =>
      Buffer.from(LIST.map((row, at) => `${row}<b>There are ${at * by} more of these</b>`).join("\n")),
    ) as [Buffer, Buffer];
    const found = inUnitsOf([base], page);
    const told = found && splicedInUnits(found, { packed: true });
    expect((await mixed([base], page)).length).toBeLessThan(0.9 * (told?.length ?? 0));
  });

  it("has one size whatever the base's value, unless it is known as a whole", async () => {
    const page = (token: string, query: string) =>
      Buffer.from(`<input name="csrf" value="${token}"><ul>${LIST.join("\n")}</ul><p>Found: ${query}</p>`);
    const sizes = async (guess: string): Promise<Set<number>> => {
      const made = page("zzzzzzzz", guess);
      const all = Array.from({ length: 10 }, async (_, digit) =>
        (await mixed([page(`t739${digit}aaa`, "nothing")], made)).toString("hex"),
      );
      return new Set((await Promise.all(all)).map(({ length }) => length));
    };
    for (const guess of ['value="t739', 'value="t7394', 'csrf" value="t7394aa', "t7394aaa"])
      expect((await sizes(guess)).size, guess).toBe(1);
    expect((await sizes('<input name="csrf" value="t7394aaa">')).size).toBe(2);
  });

  it("is the same again whatever was mixed before", async () => {
    const random = seeded();
    const [base, page] = madeVersions(random, { rows: 60, count: 2 }) as [Buffer, Buffer];
    const first = [await mixed([base], page), await mixed([], page)];
    spliceMixed([page], base, { steps: 900, addedBytes: 9_000 });
    await mixed([], random.bytes(9_000));
    expect([await mixed([base], page), await mixed([], page)]).toEqual(first);
  });

  it.each([
    ["a page by itself", "0470da37d994b9fa871f", [], "<title>News</title>"],
    [
      "a unit that differs",
      "04438c0b3f5a9e711a",
      ["<ul><li>one</li><li>two</li></ul>".repeat(4)],
      `<ul><li>one</li><li>six</li></ul>${"<ul><li>one</li><li>two</li></ul>".repeat(3)}`,
    ],
  ])("is the worked bytes of SPEC: %s", async (_, hex, bases, page) => {
    const before = bases.map((base) => Buffer.from(base));
    expect((await mixed(before, Buffer.from(page))).toString("hex")).toBe(hex);
    expect((await spliceCodec.decode(before, Buffer.from(hex, "hex"), LIMIT)).toString()).toBe(page);
  });
});

it("the known text is the one that SPEC names", () => {
  const digest = createHash("sha256").update(KNOWN_TEXT).digest("hex");
  expect([KNOWN_TEXT.length, digest.slice(0, 16)]).toEqual([8_282, "9a63ac30fd9a621d"]);
});

describe("a page with much of its own", () => {
  const random = new Random(3);
  const page = madePage(random, 400).subarray(0, AT_ONCE_BYTES + 9_000);
  const small = page.subarray(0, 600);
  const onPage = () => spliceMixed([page], small, { steps: 9, addedBytes: 900 })?.coded;

  it("is coded in turns, between which small ones are at once; another one is coded otherwise", async () => {
    const alone = await mixed([], small);
    const delta = onPage();
    const making = mixed([], page);
    expect(LONG_CODING.isBusy).toBe(true);
    let turns = 0;
    for (; LONG_CODING.isBusy; turns++) {
      expect(await spliceMixedAlone(small)).toEqual(alone);
      expect(onPage()).toEqual(delta);
      if (turns === 0) expect(await spliceMixedAlone(page.subarray(1))).toBeUndefined();
      await new Promise(setImmediate);
    }
    expect(turns).toBeGreaterThan(2);
    expect((await spliceCodec.decode([], await making, LIMIT)).equals(page)).toBe(true);
  });

  it("is what would be made at once, where that is no more than is done so", async () => {
    const steps = [{ from: 0, copy: 0, copiedBytes: 0, add: AT_ONCE_BYTES }];
    const most = page.subarray(0, AT_ONCE_BYTES);
    const atOnce = mixedUnits(most, steps);
    expect(atOnce).toBeInstanceOf(Buffer);
    const inTurns = mixedUnits(page.subarray(0, AT_ONCE_BYTES + 1), [
      { ...steps[0], add: AT_ONCE_BYTES + 1 } as never,
    ]);
    expect(inTurns).toBeInstanceOf(Promise);
    await whole(await inTurns);
  });

  it("is read one after another with others, whichever form they have", async () => {
    const delta = onPage() ?? Buffer.alloc(0);
    const [one, other] = [await mixed([], page), await mixed([], small)];
    const read = (bases: readonly Buffer[], coded: Buffer) => spliceCodec.decode(bases, coded, LIMIT);
    const all = [read([], one), read([page], delta), read([], other), read([], one), read([], other)];
    const got = await Promise.all(all);
    expect(
      got.map((each) => (each.length === small.length ? each.equals(small) : each.equals(page))),
    ).toEqual(got.map(() => true));
    expect(LONG_PAGES.isBusy).toBe(false);
  });
});

describe("what nobody writes", () => {
  const random = new Random(4);
  const [base, page] = madeVersions(random, { rows: 30, count: 2 }) as [Buffer, Buffer];

  it("that is cut or damaged is a DeltaError, or another page", async () => {
    const delta = await mixed([base], page);
    for (let kept = 1; kept < delta.length; kept += 3) {
      const damaged = Buffer.from(delta);
      damaged[kept] = (damaged[kept] as number) ^ (1 << random.int(0, 7));
      for (const bad of [delta.subarray(0, kept), damaged]) {
        const got = await spliceCodec.decode([base], bad, LIMIT).catch((error: unknown) => error);
        if (Buffer.isBuffer(got)) expect(got.equals(page)).toBe(false);
        else expect(got).toBeInstanceOf(DeltaError);
      }
    }
  });

  it.each([
    ["units that are not there", [{ from: 9_000, copy: 1, copiedBytes: 5, add: 0 }]],
    ["more than the page may have", [{ from: 0, copy: 100, copiedBytes: 2_000, add: 0 }]],
    [
      "more steps than there may be",
      Array.from({ length: MOST_STEPS }, () => ({ from: 0, copy: 0, copiedBytes: 0, add: 0 })),
    ],
  ])("of %s is refused", async (_, steps) => {
    const coded = await mixedUnits(Buffer.alloc(2_000, 97), steps);
    if (!Buffer.isBuffer(coded)) throw new Error("it is written");
    const delta = Buffer.concat([Buffer.of(4), coded]);
    const decoded = spliceCodec.decode([base], delta, { pageBytes: 1_000 });
    if (steps.length < MOST_STEPS) await expect(decoded).rejects.toThrow(DeltaError);
    else expect((await decoded).length).toBe(0);
  });

  it("adds more than may be added, or comes from before all units, makes no page", async () => {
    const bits = Mixer.get();
    const told = (numbers: () => void): Buffer => {
      bits.beginWriting();
      numbers();
      return bits.finish() ?? Buffer.alloc(0);
    };
    const [STEPS, ADD, COPY, BEHIND, PLACE] = [0, 1, 2, 4, 5] as const;
    const adds = told(() => {
      bits.number(STEPS, 1);
      bits.number(COPY, 0);
      bits.number(ADD, MIXED_ADDED_BYTES + 1);
    });
    const before = told(() => {
      bits.number(STEPS, 1);
      bits.number(COPY, 3);
      bits.number(ADD, 0);
      bits.bit(PLACE, 0, 0);
      bits.bit(PLACE, 1, 1);
      bits.number(BEHIND, 0);
    });
    const many = told(() => bits.number(STEPS, MOST_STEPS + 1));
    for (const coded of [adds, before, many])
      expect(await unmixedUnits(coded, () => base, LIMIT)).toBeUndefined();
  });
});
