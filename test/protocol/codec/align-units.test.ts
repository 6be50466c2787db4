/** Copies are of whole units, and which there are depends on equality of units alone. */
import { deflateRawSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { MOST_UNITS, UnitRuns } from "../../../protocol/codec/align-units.ts";
import { DeltaError } from "../../../protocol/codec/codec.ts";
import { unitStarts } from "../../../protocol/codec/page-units.ts";
import { spliceCodec, spliceInUnits } from "../../../protocol/codec/splice.ts";
import { MOST_STEPS } from "../../../protocol/codec/splice-steps.ts";
import { zstdCodec } from "../../../protocol/codec/zstd.ts";
import { seeded } from "../../kit/random.ts";
import { laterPage, madePage } from "./made-pages.ts";

const alignUnits = (bases: readonly Buffer[], made: Buffer, mostSteps: number) =>
  UnitRuns.of(bases)?.align(made, { mostSteps, from: 0 });

const LIST = Array.from(
  { length: 80 },
  (_, i) => `<li><a href="/item/${(i * 7919) % 1000}">Item ${i}</a></li>`,
);
const page = (token: string, query: string): Buffer =>
  Buffer.from(
    `<h1>Account</h1><form><input name="csrf" value="${token}"></form><ul>${LIST.join("\n")}</ul><p>You searched for: ${query}</p>`,
  );

const rebuilt = async (
  bases: readonly Buffer[],
  made: Buffer,
  packed: boolean,
): Promise<Buffer | undefined> => {
  const delta = spliceInUnits(bases, made, { packed });
  return delta && spliceCodec.decode(bases, delta, { pageBytes: 1 << 24 });
};

describe("runs", () => {
  const lines = (count: number) => Buffer.alloc(count, "\n");
  const rest = Buffer.from("the end");

  it("are looked for among as many units as there may be, of all bases and of the page, and among no more", () => {
    expect(UnitRuns.of([lines(MOST_UNITS - 1), rest])).toBeDefined();
    expect(
      UnitRuns.of([lines(MOST_UNITS)])?.align(lines(MOST_UNITS), { mostSteps: 9, from: 0 }),
    ).toHaveLength(1);
    expect(UnitRuns.of([lines(MOST_UNITS), rest])).toBeUndefined();
    expect(UnitRuns.of([lines(MOST_UNITS + 1)])).toBeUndefined();
    const more = Buffer.concat([lines(MOST_UNITS), rest]);
    expect(UnitRuns.of([rest])?.align(more, { mostSteps: 9, from: 0 })).toBeUndefined();
  });
});

describe("a page", () => {
  it.each([false, true])(
    "is made again of one base or several, byte for byte; told in units: %s",
    async (packed) => {
      const random = seeded();
      const first = madePage(random, 200);
      const second = laterPage(random, first);
      const third = laterPage(random, second);
      const other = madePage(random, 50);
      const empty = Buffer.alloc(0);
      for (const bases of [
        [first],
        [second],
        [first, second],
        [other],
        [other, first, empty, second],
        [third],
        [empty],
      ])
        expect((await rebuilt(bases, third, packed))?.equals(third)).toBe(true);
      expect(await rebuilt([first], empty, packed)).toEqual(empty);
      const zeros = Buffer.from("<p>\0<b>\0a row of the list</b>\0");
      for (const bases of [[zeros], [third, zeros]])
        expect((await rebuilt(bases, Buffer.concat([third, zeros]), packed))?.length).toBe(
          third.length + zeros.length,
        );
    },
  );

  it("that differs in two values costs these and little more", () => {
    const delta = spliceInUnits([page("a0b1c2d3e4f5", "")], page("f5e4d3c2b1a0", "shoes"), {});
    expect(delta?.length).toBeLessThan(64);
  });

  it("in which rows were put in and taken out costs the new ones", () => {
    const rows = LIST.slice(3, 40).concat('<li><a href="/new">New</a></li>', LIST.slice(40));
    const delta = spliceInUnits([Buffer.from(LIST.join("\n"))], Buffer.from(rows.join("\n")), {});
    expect(delta?.length).toBeLessThan(64);
  });

  it("that is no text, or has such a base, has no steps", () => {
    const text = page("1", "");
    const binary = Buffer.from([0x3c, 1, 0x3e]);
    expect([alignUnits([text], binary, 9), alignUnits([binary], text, 9)]).toEqual([undefined, undefined]);
  });

  it("that takes more steps than one delta may have has none", () => {
    const every = Array.from({ length: 3 * MOST_STEPS }, (_, i) => `<a href="/${i}/of/some/length">`);
    const other = every.flatMap((unit, i) => (i % 2 === 0 ? [unit] : ["<b>"]));
    expect(spliceInUnits([Buffer.from(every.join(""))], Buffer.from(other.join("")), {})).toBeUndefined();
  });
});

it("has the same steps whatever a unit of its bases is that it has not, of thousands", () => {
  const random = seeded();
  // Sixteen places at which the run may begin are tried: a seventeenth unit that is taken for one of them hides the run.
  const rows = Array.from({ length: 15 }, (_, at) => `k\nv\nrow ${at}\n`);
  const page = Buffer.from(`new\nk\nv\nwhat follows the first of them alone\n`);
  const stepsOn = (secret: string) => {
    const base = Buffer.from(`k\nv\nwhat follows the first of them alone\n${rows.join("")}${secret}\n`);
    return UnitRuns.of([base])?.align(page, { mostSteps: 10, from: 0 });
  };
  const steps = [
    { from: 0, copy: 0, add: 4 },
    { from: 0, copy: page.length - 4, add: 0 },
  ];
  for (let secret = 0; secret < 3_000; secret++)
    expect(stepsOn(random.bytes(8).toString("hex"))).toEqual(steps);
});

it("copies whole units only", () => {
  const base = page("t7391aaaa", "");
  const made = page("t7391bbbb", 'value="t7391');
  const starts = new Set(unitStarts(made));
  const baseStarts = new Set(unitStarts(base));
  let at = 0;
  for (const { from, copy, add } of alignUnits([base], made, MOST_STEPS) ?? []) {
    expect([starts.has(at), starts.has(at + copy)]).toEqual([true, true]);
    expect([baseStarts.has(from), baseStarts.has(from + copy)]).toEqual([true, true]);
    at += copy + add;
  }
  expect(at).toBe(made.length);
});

it.each([false, true])(
  "has one size whatever the base's value, unless it is known as a whole; told in units: %s",
  (packed) => {
    const sizes = (guess: string): Set<number | undefined> =>
      new Set(
        Array.from(
          { length: 10 },
          (_, digit) => spliceInUnits([page(`t739${digit}00`, "")], page("zzzz", guess), { packed })?.length,
        ),
      );
    for (const guess of ['value="t739', 'value="t7394', 'csrf" value="t73940', "t73940"])
      expect(sizes(guess).size).toBe(1);
    expect(sizes('<input name="csrf" value="t739400">').size).toBe(2);
  },
);

describe("steps that are told in units", () => {
  const rows = (from: number) =>
    LIST.slice(from, from + 40).map((row, i) => `${row}<b class="count">${i * from}</b>`);
  const base = Buffer.from(rows(1).join("\n"));
  const made = Buffer.from(rows(3).join("\n"));
  const packed = spliceInUnits([base], made, { packed: true }) ?? Buffer.alloc(0);
  const refused = (delta: Buffer, pageBytes = made.length) =>
    expect(spliceCodec.decode([base], delta, { pageBytes })).rejects.toThrow(DeltaError);

  it("are fewer bytes, as what is added is coded on what is copied", async () => {
    expect(packed[0]).toBe(2);
    expect(packed.length).toBeLessThan((spliceInUnits([base], made, {})?.length ?? 0) * 0.85);
    expect((await spliceCodec.decode([base], packed, { pageBytes: made.length })).equals(made)).toBe(true);
  });

  it("are refused where they are cut, too long, or of a base without units", async () => {
    for (let length = 0; length < packed.length; length++) await refused(packed.subarray(0, length));
    await refused(packed, made.length - 1);
    await refused(Buffer.concat([packed, Buffer.of(0)]));
    const binary = spliceCodec.decode([Buffer.of(1, 2, 3)], packed, { pageBytes: made.length });
    await expect(binary).rejects.toThrow(DeltaError);
  });

  it.each([
    ["a run outside of the bases", [1, 9, 0, 2]],
    ["a run before the bases", [1, 1, 0, 1]],
    ["more units than are added", [1, 1, 1, 0]],
    ["a copy larger than any page, before there is memory for it", [3, 4, 4, 4, 0, 0, 0, 0, 7, 7]],
  ])("are refused: %s", async (_, numbers) => {
    const own = [Buffer.from("<p>one</p><p>two</p>")];
    const deflated = deflateRawSync(Buffer.from(numbers));
    const coded = await zstdCodec.encode([], Buffer.alloc(0));
    const delta = Buffer.concat([Buffer.of(2, deflated.length), deflated, coded]);
    await expect(spliceCodec.decode(own, delta, { pageBytes: 29 })).rejects.toThrow(DeltaError);
  });

  it("of texts of 4 MiB at most: units of larger ones are neither told nor read", async () => {
    const most = 4 * 1024 * 1024;
    const filled = (bytes: number) => [Buffer.alloc(bytes - base.length, "a"), base];
    const pageBytes = 2 * most;
    const within = spliceInUnits(filled(most), made, { packed: true }) ?? Buffer.alloc(0);
    expect(within[0]).toBe(2);
    expect((await spliceCodec.decode(filled(most), within, { pageBytes })).equals(made)).toBe(true);
    await expect(spliceCodec.decode(filled(most + 1), within, { pageBytes })).rejects.toThrow(DeltaError);
    const beyond = spliceInUnits(filled(most + 1), made, { packed: true }) ?? Buffer.alloc(0);
    expect((await spliceCodec.decode(filled(most + 1), beyond, { pageBytes })).equals(made)).toBe(true);

    const own = await zstdCodec.encode([], Buffer.alloc(most + 1, "a"));
    const numbers = deflateRawSync(Buffer.of(1, 0, 1, 0));
    await refused(Buffer.concat([Buffer.of(2, numbers.length), numbers, own]), pageBytes);
  });

  it("any one byte changed is an error, or a page within the limit", async () => {
    for (let at = 0; at < packed.length; at++) {
      const damaged = Buffer.from(packed);
      damaged[at] = (damaged[at] ?? 0) ^ 4;
      const limits = { pageBytes: made.length };
      const got = await spliceCodec.decode([base], damaged, limits).catch((error: unknown) => error);
      if (Buffer.isBuffer(got)) expect(got.length).toBeLessThanOrEqual(made.length);
      else expect(got).toBeInstanceOf(DeltaError);
    }
  });
});
