// What the mixing coder made once, at every bound of it, decodes for ever. Where this fails, the coder is another one, and needs another feature: never change the file.
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { unmixedPage } from "../../../protocol/mixing/mixed-page.ts";
import { mixedText } from "./mixed-text.ts";

const FILE = new URL("../../fixtures/vectors/mixed.json", import.meta.url);
const { coded } = JSON.parse(readFileSync(FILE, "utf8")) as { readonly coded: string };

it("a page that differs in hundreds of places decodes as it did", async () => {
  const { bases, page } = mixedText();
  const got = await unmixedPage(bases, Buffer.from(coded, "base64"), { pageBytes: page.length });
  expect(got?.equals(page)).toBe(true);
});
