import { describe, expect, it } from "vitest";
import { EFFORTS, effortAt } from "../../../../origin-side/answer/coding/effort.ts";
import {
  encodePage,
  MOST_OF_MORE_BYTES,
  readyAsBase,
} from "../../../../origin-side/answer/coding/encode-delta.ts";
import { STREAMING_CODEC } from "../../../../protocol/codec/codecs.ts";
import { SPLICE_PAGE_BYTES } from "../../../../protocol/codec/splice.ts";
import { NOT_MIXED } from "../../../../protocol/frames/mixed-splices.ts";
import { whole } from "../../../../protocol/mixing/coded-in-turns.ts";
import { FULL_POOL } from "../../../../protocol/runtime/event-loop-load.ts";
import { MAX_OFFERS } from "../../../../protocol/store/page-index.ts";
import { NO_EXTENSIONS } from "../../../../protocol/wire/extensions.ts";
import { versionOf } from "../../../kit/answering.ts";
import { seeded } from "../../../kit/random.ts";
import { TRUSTED } from "../../../kit/trusted.ts";
import { laterPage, madePage, madeVersions } from "../../../protocol/codec/made-pages.ts";
import { MASKING_FRAMEWORKS } from "../../../protocol/codec/masking-frameworks.ts";

interface Effortful {
  readonly splice?: boolean;
  readonly load?: number;
  readonly linkIsFull?: boolean;
  readonly foldsTokens?: boolean;
  readonly readsUnits?: boolean;
  /** What is mixed is in a part of its own. */
  readonly readsMixed?: boolean;
  readonly takesMixed?: boolean;
  readonly trust?: { mistrusts(codec: number): boolean };
  /** Offers of which whole units only are copied. */
  readonly inUnits?: readonly number[];
}

const options = (more: Effortful = {}) => ({
  codecs: {
    splice: more.splice ?? true,
    page: STREAMING_CODEC,
  },
  streaming: STREAMING_CODEC,
  load: () => more.load ?? 0,
  foldsTokens: more.foldsTokens ?? true,
  readsUnits: more.readsUnits ?? true,
  readsMixed: more.readsMixed ?? false,
  trust: more.trust ?? TRUSTED,
});

const offered = (bodies: readonly Buffer[]) =>
  bodies.map((body, offer) => ({ offer, version: versionOf(body) }));

const shown = async (bases: readonly Buffer[], page: Buffer, more: Effortful = {}) => {
  const open = { extensions: (more.takesMixed ?? true) ? NO_EXTENSIONS : [NOT_MIXED] };
  const link = { linkIsFull: more.linkIsFull ?? false, open };
  const all = offered(bases);
  const others = all.filter(({ offer }) => !more.inUnits?.includes(offer));
  const made = await encodePage(all, page, options(more), link, others);
  const coded = await whole(made.coded);
  const decoded = await made.codec.decode(
    made.bases.map(({ version }) => version.body),
    coded,
    { pageBytes: page.length },
  );
  expect(decoded.equals(page)).toBe(true);
  return { codec: made.codec.name, offers: made.bases.map(({ offer }) => offer), bytes: coded.length };
};

describe("a codec that is set aside", () => {
  const without = (...names: readonly number[]) => ({ mistrusts: (codec: number) => names.includes(codec) });

  it("is not used, and the others are", async () => {
    const [older, newest] = madeVersions(seeded(), { rows: 200, count: 2 }) as [Buffer, Buffer];
    const page = Buffer.from(newest.toString().replace("</ul>", "<li>one more</li></ul>"));
    const noSplice = await shown([older, newest], page, { trust: without(3) });
    expect([noSplice.codec, noSplice.offers.length > 0]).toEqual(["zstd", true]);
    expect(noSplice.bytes).toBeLessThan(page.length / 50);
    expect((await shown([older, newest], page, { trust: without(1) })).codec).toBe("splice");
    expect(await shown([older, newest], page, { trust: without(1, 3) })).toMatchObject({
      codec: "zstd",
      offers: [],
    });
  });
});

describe("a page", () => {
  it("that differs in one place is a splice on the best base", async () => {
    const [older, newest] = madeVersions(seeded(), { rows: 200, count: 2 }) as [Buffer, Buffer];
    const page = Buffer.from(newest.toString().replace("</ul>", "<li>one more</li></ul>"));
    const { codec, offers, bytes } = await shown([older, newest], page);
    expect([codec, offers]).toEqual(["splice", [1]]);
    expect(bytes).toBeLessThan(48);
  });

  it("copies whole units only where it is told so, and builds on the others as ever where that is less", async () => {
    const page = madePage(seeded(), 120);
    const changed = Buffer.from(page.toString().replaceAll(/\bthe (?=[a-m])/g, "a"));
    const inUnits = await shown([changed], page, { inUnits: [0] });
    const alone = await shown([], page);
    const free = await shown([changed], page);
    expect(inUnits.bytes).toBeGreaterThan(free.bytes * 2);
    expect(inUnits.bytes).toBeLessThanOrEqual(alone.bytes);
    expect((await shown([changed], page, { inUnits: [0], splice: false })).offers).toEqual([]);
    expect(await shown([page, changed], page, { inUnits: [0] })).toMatchObject({
      codec: "splice",
      offers: [0, 1],
    });
  });

  it.each([
    ["at leisure", { load: 0.8, coded: 49 }, "splice"],
    ["not while there is little time", { load: 0.81, coded: 49 }, "folded splice"],
    ["not for an edge that reads no folded pages", { foldsTokens: false, coded: 49 }, "folded splice"],
    ["not where its own answer needed no tokens", { coded: 48 }, "folded splice"],
  ])("is looked through for tokens before it is a base: %s", async (_, { coded, ...when }, codec) => {
    const random = seeded();
    const token = MASKING_FRAMEWORKS[0]?.session(random) as () => string;
    const rows = madePage(random, 50).toString();
    const pageWith = (value: string) => Buffer.from(rows.replace("</ul>", `<input value="${value}"></ul>`));
    const blank = " ".repeat(token().length);
    const base = pageWith(blank);
    readyAsBase(base, coded, options(when));
    base.write(token(), base.indexOf(blank), "latin1");
    expect((await shown([base], pageWith(token()))).codec).toBe(codec);
  });

  it("with masked tokens is folded for an edge that knows how, and never on whole units", async () => {
    const random = seeded();
    const token = MASKING_FRAMEWORKS[0]?.session(random);
    const rows = madePage(random, 50).toString();
    const [older, base, page] = [1, 2, 3].map(() =>
      Buffer.from(rows.replaceAll("</ul>", `<input value="${token?.()}"></ul>`)),
    ) as [Buffer, Buffer, Buffer];
    const folded = await shown([older, base], page);
    expect(folded).toMatchObject({ codec: "folded splice", offers: [1] });
    expect(folded.bytes).toBeLessThanOrEqual(15 + 34);
    expect(await shown([older, base], page, { splice: false })).toMatchObject({
      codec: "folded zstd",
      offers: [0, 1],
    });
    expect((await shown([older, base], page, { foldsTokens: false })).codec).toBe("splice");
    expect((await shown([older, base], page, { inUnits: [0] })).codec).not.toMatch("folded");
    const mistrusts = (codec: number) => codec >= 5;
    expect((await shown([older, base], page, { trust: { mistrusts } })).codec).toBe("splice");
  });

  it("is not folded where zstd does not take its best base", async () => {
    const random = seeded();
    const token = MASKING_FRAMEWORKS[0]?.session(random);
    const magic = Buffer.from([0x37, 0xa4, 0x30, 0xec]);
    const rows = madePage(random, 50).toString();
    const [older, base, page] = [1, 2, 3].map((at) =>
      Buffer.concat([
        at === 2 ? magic : Buffer.from("<p>"),
        Buffer.from(`${rows}<input value="${token?.()}">`),
      ]),
    ) as [Buffer, Buffer, Buffer];
    expect(await shown([older, base], page, { splice: false })).toMatchObject({ codec: "zstd", offers: [0] });
  });

  it("is not spliced for an edge that does not know how", async () => {
    const base = madePage(seeded(), 50);
    const page = Buffer.from(base.toString().replace("</ul>", "<li>one more</li></ul>"));
    expect(await shown([base], page, { splice: false })).toMatchObject({ codec: "zstd", offers: [0] });
  });

  it("that is another one is a delta of zstd on all bases", async () => {
    const random = seeded();
    const bases = Array.from({ length: 4 }, () => madePage(random, 50));
    const page = Buffer.concat(bases.map((base) => base.subarray(2_000, 6_000)));
    const { codec, offers, bytes } = await shown(bases, page);
    expect([codec, offers]).toEqual(["zstd", [0, 1, 2, 3]]);
    expect(bytes).toBeLessThan(page.length / 50);
  });

  it("that is smaller spliced, though not small, is spliced", async () => {
    const random = seeded();
    const base = madePage(random, 100);
    // Noise: nobody compresses it, and zstd frames it in more bytes.
    const page = Buffer.concat([base.subarray(0, 9_000), random.bytes(600), base.subarray(9_600)]);
    const { codec, bytes } = await shown([base], page);
    expect(codec).toBe("splice");
    expect(bytes).toBeGreaterThan(effortAt(0).spliceBytes);
  });

  it("without bases is compressed on its own", async () => {
    const page = madePage(seeded(), 200);
    const { codec, offers, bytes } = await shown([], page);
    expect([codec, offers]).toEqual(["zstd", []]);
    expect(bytes).toBeLessThan(page.length / 2);
  });

  it.each([
    [0, [0, 1, 2, 3]],
    [EFFORTS[0]?.upToLoad ?? 0, [0, 1, 2, 3]],
    [0.9, [2, 3]],
    [1, [3]],
  ] as const)("at load %d builds on the best bases only: %j", async (load, expected) => {
    const random = seeded();
    const bases = Array.from({ length: 4 }, () => madePage(random, 50));
    const page = laterPage(random, laterPage(random, bases[3] ?? Buffer.alloc(0), 9), 9);
    expect(await shown(bases, page, { load, splice: false })).toMatchObject({ offers: expected });
  });

  it("builds on fewer bases while the thread pool is busy with others, and on all again when they are done", async () => {
    const random = seeded();
    const bases = Array.from({ length: 4 }, () => madePage(random, 2_500));
    const page = laterPage(random, laterPage(random, bases[3] ?? Buffer.alloc(0), 9), 9);
    const one = () => shown(bases, page, { splice: false });
    const crowd = await Promise.all(Array.from({ length: FULL_POOL + 1 }, one));
    expect([crowd[0], crowd.at(-1), await one()].map((made) => made?.offers)).toEqual([
      [0, 1, 2, 3],
      [3],
      [0, 1, 2, 3],
    ]);
  });

  it.each([
    ["eight bases", 50, [0, 1, 2, 3, 4, 5, 6, 7]],
    ["the best four of more that are large", 3_000, [4, 5, 6, 7]],
  ] as const)("at rest builds on %s", async (_, rows, expected) => {
    const random = seeded();
    const bases = Array.from({ length: 8 }, () => madePage(random, rows));
    const bytes = bases.reduce((sum, { length }) => sum + length, 0);
    expect(bytes > MOST_OF_MORE_BYTES).toBe(expected.length === MAX_OFFERS);
    const page = Buffer.concat(bases.map((base) => base.subarray(1_000, 3_000)));
    const inUnits = bases.map((_, offer) => offer);
    expect(await shown(bases, page, { splice: false })).toMatchObject({ offers: expected });
    expect(await shown(bases, page, { inUnits })).toMatchObject({ codec: "splice", offers: expected });
  });

  it("at full load is spliced sooner", async () => {
    const random = seeded();
    const base = madePage(random, 200);
    // What the splice has to spell, and zstd finds in another base.
    const tokens = [base, random.bytes(900), random.bytes(900)];
    const page = Buffer.concat([base.subarray(0, 5_000), ...tokens.slice(1), base.subarray(6_800)]);
    const bases = [Buffer.concat(tokens), base];
    const sizes = [await shown(bases, page, { load: 0 }), await shown(bases, page, { load: 1 })];
    expect(sizes.map(({ codec }) => codec)).toEqual(["zstd", "splice"]);
  });

  it("at full load is not compressed where it is small", async () => {
    const [before, after] = ["0123456789abcdef", "fedcba9876543210"];
    const rows = (token: string) =>
      Buffer.from(
        Array.from({ length: 20 }, (_, i) => `<li id="${token}">the row ${i} of it</li>\n`).join(""),
      );
    const sizes = [0, 0.9, 1].map(async (load) => (await shown([rows(before)], rows(after), { load })).bytes);
    const [idle = 0, busy = 0, saturated = 0] = await Promise.all(sizes);
    expect([idle < 100, busy > 300, saturated]).toEqual([true, true, busy]);
  });

  it.each([
    [1, [2, 3]],
    [0.9, [0, 1, 2, 3]],
    [0, [0, 1, 2, 3]],
  ] as const)("at load %d builds on more bases where the link is full: %j", async (load, expected) => {
    const random = seeded();
    const bases = Array.from({ length: 4 }, () => madePage(random, 50));
    const page = laterPage(random, bases[3] ?? Buffer.alloc(0), 9);
    const full = await shown(bases, page, { load, linkIsFull: true, splice: false });
    expect(full).toMatchObject({ offers: expected });
  });
});

describe("a page for an edge that reads mixed splices", () => {
  const [READS, FOR_OTHERS] = [{ readsMixed: true }, { readsMixed: false }];

  it("of which little is its own is mixed on the best base, in fewer bytes, and of which hardly anything is it is not", async () => {
    const [older, newest] = madeVersions(seeded(), { rows: 200, count: 2 }) as [Buffer, Buffer];
    const withRows = (count: number) => {
      const rows = Array.from(
        { length: count },
        (_, at) => `<li>${at} more of the visitor and the page</li>`,
      );
      return Buffer.from(newest.toString().replace("</ul>", `${rows.join("\n")}</ul>`));
    };
    const { codec, offers, bytes } = await shown([older, newest], withRows(20), READS);
    expect([codec, offers]).toEqual(["splice", [1]]);
    expect(bytes).toBeLessThan(0.8 * (await shown([older, newest], withRows(20), FOR_OTHERS)).bytes);
    expect(await shown([older, newest], withRows(1), READS)).toEqual(
      await shown([older, newest], withRows(1), FOR_OTHERS),
    );
  });

  it("that is another one is mixed on all bases, and is smaller than by zstd", async () => {
    const random = seeded();
    const [forIt, forOthers] = [[] as number[], [] as number[]];
    for (let round = 0; round < 8; round++) {
      const bases = Array.from({ length: 4 }, () => madePage(random, 50));
      const pieces = bases.map((base) => base.subarray(2_000, 6_000));
      const page = Buffer.concat([...pieces, laterPage(random, bases[3] ?? Buffer.alloc(0), 9)]);
      const { codec, offers, bytes } = await shown(bases, page, READS);
      expect([codec, offers]).toEqual(["splice", [0, 1, 2, 3]]);
      forIt.push(bytes);
      forOthers.push((await shown(bases, page, FOR_OTHERS)).bytes);
    }
    const sumOf = (all: readonly number[]) => all.reduce((sum, bytes) => sum + bytes, 0);
    expect(sumOf(forIt)).toBeLessThan(0.9 * sumOf(forOthers));
  });

  it("is mixed with up to so many bytes of its own, and coded by zstd with more", async () => {
    const random = seeded();
    const base = random.bytes(40_000);
    const codecs = [0, 1].map(async (more) => {
      const own = random.bytes((EFFORTS[0]?.mixedBytes ?? 0) + more);
      return (await shown([base], Buffer.concat([base, own]), READS)).codec;
    });
    expect(await Promise.all(codecs)).toEqual(["splice", "zstd"]);
  });

  it("of which more than half is its own is left to zstd, unless it is small", async () => {
    const random = seeded();
    const [base, text] = [random.bytes(9_000), madePage(random, 200)];
    // What is shared ends where it is told to: no byte of the text is 0.
    for (const end of [299, 2_999]) base[end] = 0;
    const codecOf = async (shared: number, own: number) =>
      (await shown([base], Buffer.concat([base.subarray(0, shared), text.subarray(0, own)]), READS)).codec;
    expect([await codecOf(2_999, 2_999), await codecOf(2_999, 3_001)]).toEqual(["splice", "zstd"]);
    expect([await codecOf(299, 1_024), await codecOf(299, 1_025)]).toEqual(["splice", "zstd"]);
  });

  it("with much text of its own is mixed in turns where little else is under way, with much that repeats it is not", async () => {
    const random = seeded();
    const base = madePage(random, 50);
    const text = Buffer.concat([base, madePage(random, 400)]);
    const [idle, busy] = [
      await shown([base], text, READS),
      await shown([base], text, { ...READS, load: 0.31 }),
    ];
    expect([idle.codec, busy.codec]).toEqual(["splice", "zstd"]);
    expect(idle.bytes).toBeLessThan(0.9 * busy.bytes);
    expect((await shown([base], text, { ...READS, takesMixed: false })).codec).toBe("zstd");
    const row = random.bytes(3_000).toString("hex");
    const repeated = Buffer.concat([base, Buffer.from(row.repeat(20))]);
    expect((await shown([base], repeated, READS)).codec).toBe("zstd");
  });

  it("is not mixed where the edge has no time, this side has none, or splices do not match", async () => {
    const random = seeded();
    const bases = [madePage(random, 50), madePage(random, 50)];
    const page = Buffer.concat([
      bases[0] ?? Buffer.alloc(0),
      laterPage(random, bases[1] ?? Buffer.alloc(0), 9),
    ]);
    const mixed = (await shown(bases, page, READS)).bytes;
    const mistrusts = (codec: number) => codec === 3;
    for (const more of [{ takesMixed: false }, { load: 1 }, { trust: { mistrusts } }, { splice: false }]) {
      const made = await shown(bases, page, { ...READS, ...more });
      expect(made.codec).toBe("zstd");
      expect(made.bytes).toBeGreaterThan(mixed);
    }
  });

  it("copies whole units only, where it is told so, however small that is", async () => {
    const random = seeded();
    const page = madePage(random, 50);
    const changed = Buffer.from(page.toString().replaceAll(/\bthe\b/g, "a"));
    const rows = [0, 60, 200].map((bytes) =>
      page.toString().replace("</ul>", `<li>${random.bytes(bytes / 2).toString("hex")}</li></ul>`),
    );
    for (const base of [page, changed])
      for (const row of rows) {
        const [on, inUnits] = [[changed, base], { inUnits: [0, 1] }];
        expect(await shown(on, Buffer.from(row), { ...READS, ...inUnits, takesMixed: false })).toEqual(
          await shown(on, Buffer.from(row), { ...FOR_OTHERS, ...inUnits }),
        );
      }
  });

  it("that copies whole units only is as large whatever else of these it has", async () => {
    const rows = madePage(seeded(), 30).toString();
    const withTokens = (tokens: readonly string[]) =>
      Buffer.from(`${rows}${tokens.map((token) => `<input name="csrf" value="${token}">`).join("")}`);
    const [right, wrong] = ["t7394aaa", "x1602bbb"].map((token) =>
      Array.from({ length: 9 }, (_, at) => `${at}${token}${at * 7}`),
    ) as [string[], string[]];
    const looked = right.map((token) => `<p>value="${token}" was looked for</p>`).join("");
    const page = Buffer.from(`${rows}${looked}`);
    const bytesOn = async (tokens: readonly string[], inUnits: readonly number[]) =>
      (await shown([withTokens(tokens)], page, { ...READS, inUnits })).bytes;
    expect(await bytesOn(right, [0])).toBe(await bytesOn(wrong, [0]));
    expect(await bytesOn(right, [])).toBeLessThan(await bytesOn(wrong, []));
  });

  it("is not mixed where it is larger than a splice may be, though there is room for a base", async () => {
    const random = seeded();
    const base = random.bytes(SPLICE_PAGE_BYTES - 2_000);
    const own = random.bytes(3_000);
    for (const [bytes, codec] of [
      [2_000, "splice"],
      [2_001, "zstd"],
    ] as const)
      expect((await shown([base], Buffer.concat([base, own.subarray(0, bytes)]), READS)).codec).toBe(codec);
  });

  it("that has too much of its own to be mixed at its load is spliced, after a look at all bases", async () => {
    const random = seeded();
    const [other, base] = [random.bytes(5_000), random.bytes(40_000)];
    const pieces: Buffer[] = [];
    // Runs too short for a mixed splice, at places that cost a splice more than 128 bytes.
    for (let at = 0, run = 0; run < 94; run++, at += 95 + random.int(1, 250))
      pieces.push(base.subarray(at, at + 95));
    const busy = options({ ...READS, load: 0.9 });
    const made = await encodePage(offered([other, base]), Buffer.concat(pieces), busy, {
      linkIsFull: false,
      open: { extensions: NO_EXTENSIONS },
    });
    expect([made.codec.name, made.bases.length]).toEqual(["splice", 1]);
    expect(made.looked.map(({ offer }) => offer)).toEqual([0, 1]);
  });

  it("is folded, and then mixed", async () => {
    const random = seeded();
    const token = MASKING_FRAMEWORKS[0]?.session(random);
    const rows = madePage(random, 50).toString();
    const [base, page] = ["", `<li>${"a new row ".repeat(9)}</li>`].map((more) =>
      Buffer.from(rows.replaceAll("</ul>", `${more}<input value="${token?.()}"></ul>`)),
    ) as [Buffer, Buffer];
    const folded = await shown([base], page, READS);
    expect(folded.codec).toBe("folded splice");
    expect(folded.bytes).toBeLessThan(0.95 * (await shown([base], page, FOR_OTHERS)).bytes);
  });

  it("without bases is mixed by itself where it compresses, a larger one in turns", async () => {
    const random = seeded();
    const [small, large] = [madePage(random, 20), madePage(random, 200)];
    const alone = await shown([], small, READS);
    expect([alone.codec, alone.offers]).toEqual(["splice", []]);
    expect(alone.bytes).toBeLessThan(0.95 * (await shown([], small, FOR_OTHERS)).bytes);
    expect((await shown([], large, READS)).codec).toBe("splice");
    expect((await shown([], large, { ...READS, load: 0.5 })).codec).toBe("zstd");
    expect((await shown([], random.bytes(4_000), READS)).codec).toBe("zstd");
  });

  it("without bases is mixed though it repeats itself, unless it hardly does anything else", async () => {
    const part = madePage(seeded(), 60);
    const repeated = (times: number) => Buffer.concat(Array.from({ length: times }, () => part));
    for (const [page, codec, least] of [
      [repeated(4), "splice", 8],
      [repeated(24), "zstd", 32],
    ] as const) {
      expect(page.length).toBeGreaterThan(16 * 1024);
      expect((await shown([], page, FOR_OTHERS)).bytes).toBeLessThan(page.length / least);
      expect((await shown([], page, READS)).codec).toBe(codec);
    }
  });

  it("that copies whole units only is mixed in these, in fewer bytes", async () => {
    const random = seeded();
    const base = madePage(random, 60);
    const page = laterPage(random, base, 9);
    const on = { inUnits: [0] };
    const told = await shown([base], page, { ...READS, ...on, takesMixed: false });
    const made = await shown([base], page, { ...READS, ...on });
    expect([made.codec, made.offers]).toEqual(["splice", [0]]);
    expect(made.bytes).toBeLessThan(0.97 * told.bytes);
  });

  it("builds on as many of the best bases as there is room for", async () => {
    const random = seeded();
    const bases = Array.from({ length: 3 }, () => random.bytes(800_000));
    const page = Buffer.concat(bases.map((base) => base.subarray(0, 5_000)));
    expect(await shown(bases, page, READS)).toMatchObject({ codec: "splice", offers: [1, 2] });
  });
});
