import { expect, it } from "vitest";
import type { UsableBase } from "../../../origin-side/answer/coding/choose-answer.ts";
import { padOf } from "../../../origin-side/answer/pad-answer.ts";
import { ByteWriter } from "../../../protocol/wire/bytes.ts";
import { writeExtensions } from "../../../protocol/wire/extensions.ts";

const STEP = 64;
const SIZES = { kind: "padded", step: STEP, streams: true } as const;
const on = (...names: readonly string[]) =>
  names.map((fingerprint, offer) => ({ offer, version: { fingerprint } }) as unknown as UsableBase);

/** What a page coded in so many bytes takes with its padding. */
const sizeOf = (codedBytes: number, page: string, ...bases: readonly string[]): number => {
  const writer = new ByteWriter();
  const offered = on(...bases);
  writeExtensions(writer, padOf({ sizes: SIZES }, codedBytes, { page, offered, looked: offered }));
  return codedBytes + writer.take().length;
};

it("ends at a step, at the cost of one on the average, and is the same for the same", () => {
  let padding = 0;
  for (let bytes = 1; bytes <= 500; bytes++) {
    const size = sizeOf(bytes, `page ${bytes}`, "base");
    expect([size % STEP, size]).toEqual([0, sizeOf(bytes, `page ${bytes}`, "base")]);
    padding += size - bytes;
  }
  expect(padding / 500).toBeGreaterThan(STEP * 0.8);
  expect(padding / 500).toBeLessThan(STEP * 1.3);
});

it.each([
  ["pages", (at: number) => sizeOf(50, `page ${at}`, "base")],
  ["bases", (at: number) => sizeOf(50, "page", "base", `base ${at}`)],
])("hides one size among others, as many %s as there are", (_, sizeAt) => {
  expect(new Set(Array.from({ length: 50 }, (_, at) => sizeAt(at))).size).toBe(2);
});

it("is none where nothing is asked, and none of `same`", () => {
  expect(padOf({ sizes: undefined }, 50, { page: "p", offered: [], looked: [] })).toEqual([]);
  expect(padOf({ sizes: SIZES }, 0, { page: "p", offered: on("p"), looked: on("p") })).toEqual([]);
});

it("is none where nothing was looked at whose text others may have chosen", () => {
  const offered = on("other's", "own");
  const [, own] = offered as [UsableBase, UsableBase];
  const padded = (looked: readonly UsableBase[], others?: number) =>
    padOf({ sizes: { ...SIZES, others } }, 50, { page: "p", offered, looked }).length > 0;
  expect([padded([own], 1), padded([], 1), padded(offered, 1), padded([own], 2), padded([own])]).toEqual([
    false,
    false,
    true,
    true,
    true,
  ]);
});
