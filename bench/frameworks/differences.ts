/**
 * What differs between a page asked straight and the same page through the pair. A body or field that differs between two
 * straight askings differs by itself; of such a body, what both straight ones share must have come too.
 */
import type { VisitedPage } from "../rig/visitor.ts";

/** How each body came: as it was asked straight, as one that differs each time anyway, or wrong. */
export type BodyVerdict = "same" | "by itself" | "wrong";

export interface Difference {
  /** A field in lower case. */
  readonly field: string;
  readonly straight: string | undefined;
  readonly pair: string | undefined;
}

/** Those of one hop, and the time of day. */
const NOT_COMPARED = new Set(["connection", "keep-alive", "transfer-encoding", "date", "host"]);

const fieldsOf = ({ rawHeaders }: VisitedPage): Map<string, string> => {
  const fields = new Map<string, string>();
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = (rawHeaders[at] ?? "").toLowerCase();
    const value = rawHeaders[at + 1] ?? "";
    const before = fields.get(name);
    if (!NOT_COMPARED.has(name)) fields.set(name, before === undefined ? value : `${before} | ${value}`);
  }
  return fields;
};

/** Fields that are alike in both straight pages and not in the pair's. */
export function fieldDifferences(first: VisitedPage, second: VisitedPage, pair: VisitedPage): Difference[] {
  const [one, two, came] = [first, second, pair].map(fieldsOf) as [Fields, Fields, Fields];
  const names = [...new Set([...one.keys(), ...came.keys()])];
  return names
    .filter((name) => one.get(name) === two.get(name) && one.get(name) !== came.get(name))
    .map((field) => ({ field, straight: one.get(field), pair: came.get(field) }));
}

type Fields = Map<string, string>;

/** Pieces of a page that are likely to differ as a whole. */
const piecesOf = ({ body }: VisitedPage): string[] => body.toString("latin1").split(/(?<=[>\n,;"])/);

/** Compares the bodies. Statuses that differ are wrong too. */
export function bodyVerdict(first: VisitedPage, second: VisitedPage, pair: VisitedPage): BodyVerdict {
  if (pair.status !== first.status && first.status === second.status) return "wrong";
  if (first.body.equals(second.body)) return first.body.equals(pair.body) ? "same" : "wrong";
  const [two, came] = [new Set(piecesOf(second)), new Set(piecesOf(pair))];
  return piecesOf(first).every((piece) => !two.has(piece) || came.has(piece)) ? "by itself" : "wrong";
}

/** Where two bodies part, for people. */
export function firstDifference(straight: Buffer, pair: Buffer): string {
  let at = 0;
  while (at < straight.length && straight[at] === pair[at]) at += 1;
  const shown = (body: Buffer) =>
    JSON.stringify(body.subarray(Math.max(0, at - 20), at + 40).toString("latin1"));
  return `at byte ${at} of ${straight.length} and ${pair.length}: straight ${shown(straight)}, pair ${shown(pair)}`;
}
