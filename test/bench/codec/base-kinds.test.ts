/** bench/codec/base-kinds.ts: each kind of base is tried where a family has it, and better ones are shown to be better. */
import { expect, it } from "vitest";
import { measureBaseKinds } from "../../../bench/codec/base-kinds.ts";
import type { Corpus, Family } from "../../../bench/corpus/corpus.ts";
import { seeded } from "../../kit/random.ts";

it("measures the kinds that each family has", async () => {
  const random = seeded();
  const shared = random.bytes(6_000).toString("hex").replaceAll("0", "\n");
  const own = () => random.bytes(300).toString("hex");
  const pages = new Map<string, Buffer>();
  const family = (name: string, kind: Family["kind"], site?: string): Family => ({
    name,
    kind,
    site,
    contentType: "text/html",
    versions: Array.from({ length: 6 }, (_, at) => {
      const file = `${name}/${at}`;
      pages.set(file, Buffer.from(`${own()}\n${shared}\n${own()}`));
      return { file, bytes: 0 };
    }),
  });
  const corpus: Corpus = {
    families: [
      family("series", "timeseries", "one"),
      family("pages", "template", "one"),
      family("alone", "template"),
      family("people", "visitors"),
    ],
    read: (file) => pages.get(file) ?? Buffer.alloc(0),
  };
  const [series, withSite, alone, identities] = (
    await measureBaseKinds(corpus, new AbortController().signal)
  ).map(({ shares }) => shares);
  expect([...(series?.keys() ?? [])]).toEqual(["none", "URL, 1", "URL, 2", "URL, 4"]);
  expect(withSite?.has("site, 1")).toBe(true);
  expect(alone?.has("site, 1")).toBe(false);
  expect([...(identities?.keys() ?? [])]).toEqual(["none", "common", "another person's (unsafe)"]);
  for (const shares of [series, withSite, alone, identities])
    for (const [name, share] of shares ?? []) expect(share < 0.2, `${name}: ${share}`).toBe(name !== "none");
});
