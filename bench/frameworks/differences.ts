/**
 * What differs between a page asked straight and the same page through the pair. A body or field that differs between two
 * straight askings differs by itself; every body must be the one that the application sent to the pair.
 */
import type { VisitedPage } from "../rig/visitor.ts";

/**
 * How each body came: as it was asked straight; as one that differs each time anyway; as the application sent it, but not as it
 * sends it straight, perhaps by chance; or otherwise than it was sent.
 */
export const BODY_VERDICTS = ["same", "by itself", "sent otherwise", "wrong"] as const;
export type BodyVerdict = (typeof BODY_VERDICTS)[number];

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

/** Compares the bodies; `sent` is what the application said to the pair's own request. */
export function bodyVerdict(
  straight: readonly [VisitedPage, VisitedPage],
  pair: VisitedPage,
  sent: Buffer,
): BodyVerdict {
  const [first, second] = straight;
  if (!sent.equals(pair.body)) return "wrong";
  if (pair.status === first.status && pair.body.equals(first.body)) return "same";
  return first.status === second.status && first.body.equals(second.body) ? "sent otherwise" : "by itself";
}

/** Where two bodies part, for people. */
export function firstDifference(straight: Buffer, pair: Buffer): string {
  let at = 0;
  while (at < straight.length && straight[at] === pair[at]) at += 1;
  const shown = (body: Buffer) =>
    JSON.stringify(body.subarray(Math.max(0, at - 20), at + 40).toString("latin1"));
  return `at byte ${at} of ${straight.length} and ${pair.length}: straight ${shown(straight)}, pair ${shown(pair)}`;
}
