// What the mixing coder made once, at every bound of it, decodes for ever. Where this fails, the coder is another one, and needs another feature: never change the file.
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { spliceCodec } from "../../../protocol/codec/splice.ts";
import { unmixedPage } from "../../../protocol/mixing/mixed-page.ts";
import { mixedText, unitsText } from "./mixed-text.ts";

const FILE = new URL("../../fixtures/vectors/mixed.json", import.meta.url);
const { coded } = JSON.parse(readFileSync(FILE, "utf8")) as { readonly coded: string };

it("a page that differs in hundreds of places decodes as it did", async () => {
  const { bases, page } = mixedText();
  const got = await unmixedPage(bases, Buffer.from(coded, "base64"), { pageBytes: page.length });
  expect(got?.equals(page)).toBe(true);
});

it("a page of units, and one by itself, decode as they did", async () => {
  const units = new URL("../../fixtures/vectors/mixed-units.json", import.meta.url);
  const { inUnits, alone } = JSON.parse(readFileSync(units, "utf8")) as { inUnits: string; alone: string };
  const { bases, page } = unitsText();
  const limits = { pageBytes: page.length };
  const decoded = (on: readonly Buffer[], hex: string) =>
    spliceCodec.decode(on, Buffer.from(hex, "base64"), limits);
  expect((await decoded(bases, inUnits)).equals(page)).toBe(true);
  expect((await decoded([], alone)).equals(page.subarray(0, 30_000))).toBe(true);
});
