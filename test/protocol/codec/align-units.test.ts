/** Copies are of whole units, and which there are depends on equality of units alone. */
import { describe, expect, it } from "vitest";
import { alignUnits } from "../../../protocol/codec/align-units.ts";
import { unitStarts } from "../../../protocol/codec/page-units.ts";
import { spliceCodec, spliceInUnits } from "../../../protocol/codec/splice.ts";
import { MOST_STEPS } from "../../../protocol/codec/splice-steps.ts";
import { seeded } from "../../kit/random.ts";
import { laterPage, madePage } from "./made-pages.ts";

const LIST = Array.from(
  { length: 80 },
  (_, i) => `<li><a href="/item/${(i * 7919) % 1000}">Item ${i}</a></li>`,
);
const page = (token: string, query: string): Buffer =>
  Buffer.from(
    `<h1>Account</h1><form><input name="csrf" value="${token}"></form><ul>${LIST.join("\n")}</ul><p>You searched for: ${query}</p>`,
  );

const rebuilt = async (bases: readonly Buffer[], made: Buffer): Promise<Buffer | undefined> => {
  const delta = spliceInUnits(bases, made, {});
  return delta && spliceCodec.decode(bases, delta, { pageBytes: 1 << 24 });
};

describe("a page", () => {
  it("is made again of one base or several, byte for byte", async () => {
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
      expect((await rebuilt(bases, third))?.equals(third)).toBe(true);
    expect(await rebuilt([first], empty)).toEqual(empty);
  });

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

it("has one size whatever the base's value, unless it is known as a whole", () => {
  const sizes = (guess: string): Set<number | undefined> =>
    new Set(
      Array.from(
        { length: 10 },
        (_, digit) => spliceInUnits([page(`t739${digit}00`, "")], page("zzzz", guess), {})?.length,
      ),
    );
  for (const guess of ['value="t739', 'value="t7394', 'csrf" value="t73940', "t73940"])
    expect(sizes(guess).size).toBe(1);
  expect(sizes('<input name="csrf" value="t739400">').size).toBe(2);
});
