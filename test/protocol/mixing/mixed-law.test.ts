// As mixed-vector: never change the file. What a page by itself makes follows from the law alone, so its hash is enough.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { spliceCodec, spliceMixed, spliceMixedAlone } from "../../../protocol/codec/splice.ts";
import { whole } from "../../../protocol/mixing/coded-in-turns.ts";
import { crowdedText } from "./mixed-text.ts";

const FILE = new URL("../../fixtures/vectors/mixed-law.json", import.meta.url);
const frozen = JSON.parse(readFileSync(FILE, "utf8")) as Record<"alone" | "onBase" | "inUnits", string>;

it("a page of more words than there is room for is coded as it was", async () => {
  const { alone } = crowdedText();
  const coded = await whole((await spliceMixedAlone(alone)) ?? Buffer.alloc(0));
  const hash = createHash("sha256").update(coded).digest("hex");
  expect(hash).toBe(frozen.alone);
});

it.each(["onBase", "inUnits"] as const)(
  "long words before what is added decode as they did: %s",
  async (form) => {
    const { base, page } = crowdedText();
    const coded = Buffer.from(frozen[form], "base64");
    expect((await spliceCodec.decode([base], coded, { pageBytes: page.length })).equals(page)).toBe(true);
  },
);

it("a page of few bytes, for which tables are as small as they may be, is coded as it was", async () => {
  const [base, page] = [Buffer.from("ab"), Buffer.from("acbacbbacabc")];
  const coded = spliceMixed([base], page, { steps: 9, addedBytes: 99 })?.coded ?? Buffer.alloc(0);
  expect(coded.toString("hex")).toBe("0362b3c20b3f");
  expect((await spliceCodec.decode([base], coded, { pageBytes: page.length })).equals(page)).toBe(true);
});
