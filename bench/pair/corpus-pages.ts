/**
 * Pages of a corpus under load (`bench pair --load --corpus`): the first captured version of a family, in whose middle a number stands that
 * differs each time; and the steady page of pages.ts. The number is the entity tag's too, so whoever has the corpus can tell what a body should be.
 */
import { onlyFamilies, readCorpus } from "../corpus/corpus.ts";
import { type MadePage, pagesByPath, serialText, tagOf } from "./pages.ts";

/** The family that each case asks for, but for the steady page. */
const FAMILIES = { "11kb": "hn-by-domain", "200kb": "calfire-incidents" } as const;
const STEADY = "/steady-10k";

export const CORPUS_NAMES = ["11kb", "200kb", "steady"] as const;
export type CorpusName = (typeof CORPUS_NAMES)[number];

export const pathOf = (name: CorpusName): string => `/${name}`;

/** Each case's page, by its path. Throws CorpusError where the corpus in `folder` lacks a family. */
export function corpusPages(folder: string): ReadonlyMap<string, MadePage> {
  const { families, read } = onlyFamilies(readCorpus(folder), Object.values(FAMILIES));
  const pages = new Map<string, MadePage>();
  for (const [name, wanted] of Object.entries(FAMILIES))
    for (const { name: family, contentType, versions } of families)
      if (family === wanted && versions[0] !== undefined)
        pages.set(`/${name}`, numbered(read(versions[0].file), contentType));
  const steady = pagesByPath().get(STEADY);
  if (steady !== undefined) pages.set(pathOf("steady"), steady);
  return pages;
}

/** The page with a number at the first blank of its second half. @internal */
export function numbered(page: Buffer, contentType: string): MadePage {
  const at = Math.max(0, page.indexOf(" ", page.length >> 1, "latin1"));
  const make = (serial: number) =>
    Buffer.concat([page.subarray(0, at), Buffer.from(` ${serialText(serial)}`), page.subarray(at)]);
  return { contentType, bytes: make(0).length, changes: true, make };
}

/** What is wrong with a body of this page that came with this entity tag; undefined if nothing is. */
export function flawOfPage(page: MadePage, body: Buffer, tag: string | undefined): string | undefined {
  const serial = Number(/\d+/.exec(tag ?? "")?.[0]);
  if (tag !== tagOf(serial)) return `the head of ${tag ?? "no version"}`;
  return page.make(serial).equals(body) ? undefined : `${body.length} bytes that are not version ${serial}`;
}
