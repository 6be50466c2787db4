// As mixed-vector: never change the file. Another law of what small-texts is made of decoded all else that is frozen.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { unmixedPage } from "../../../protocol/mixing/mixed-page.ts";
import { mixedUnits } from "../../../protocol/mixing/mixed-units.ts";
import { evenTexts, smallTexts } from "./small-texts.ts";

const FILE = new URL("../../fixtures/vectors/mixed-small.json", import.meta.url);
const frozen = JSON.parse(readFileSync(FILE, "utf8")) as {
  /** On the best of the bases. */
  readonly onBases: Readonly<Record<string, string>>;
  /** The SHA-256 of all pages by themselves. */
  readonly alone: string;
};

it.each(smallTexts())("$name: decodes as it did, and once more", async ({ name, bases, page }) => {
  const coded = Buffer.from(frozen.onBases[name] ?? "", "base64");
  for (let time = 0; time < 2; time++) {
    const got = await unmixedPage(bases.slice(-1), coded, { pageBytes: page.length });
    expect(got?.toString("latin1")).toBe(page.toString("latin1"));
  }
});

it("pages by themselves are coded as they were, whatever was coded between them", () => {
  const hash = createHash("sha256");
  for (const page of [...smallTexts().map(({ page }) => page), ...evenTexts()])
    hash.update(mixedUnits(page, [{ from: 0, copy: 0, copiedBytes: 0, add: page.length }]) as Buffer);
  expect(hash.digest("hex")).toBe(frozen.alone);
});
