/**
 * The text of a site's dictionary: pieces that pages had alike for at least three networks, of one URL each, and of one template. Pure, in
 * slices. What it holds of a page is what commonPieces gives, so it tells nothing that only one network was sent.
 */
import { BETWEEN_PIECES, unitStarts } from "../../protocol/codec/page-units.ts";
import { commonPieces } from "../bases/common/shared-runs.ts";

/** It is downloaded by each visitor, and read for each page: 256 KiB take zstd 1 to 2 ms. */
const MOST_SITE_BYTES = 256 * 1024;
/**
 * Of what stands in it already this much at a time is left out; less would tear the rest apart, as would leaving out
 * what a page repeats itself. A captured MediaWiki's main page, unchanged, takes 208 bytes where 128 of any repetition
 * took 1,665, for a dictionary of 126 in place of 65 KB: compressed, 14.7 and 13.6.
 */
const LEAST_REPEATED_BYTES = 2_048;

/** `groups`: pages of different networks each, the most useful group first. Empty where they have nothing in common. */
export function* siteDictionary(groups: readonly (readonly Buffer[])[]): Generator<void, Buffer> {
  const parts: Uint8Array[] = [];
  const seen = new Set<string>();
  let room = MOST_SITE_BYTES;
  for (const pages of groups) {
    const common = yield* commonPieces(pages);
    if (common === undefined || common.length === 0) continue;
    for (const part of unseenParts(common, seen)) {
      if (part.length > room) break;
      parts.push(part);
      room -= part.length;
    }
    yield;
  }
  // What is nearest to the page is cheapest to name.
  return Buffer.concat(parts.reverse());
}

/** Runs of units that did not stand in `seen` before, where they are noted. */
function* unseenParts(pieces: Buffer, seen: Set<string>): Generator<Uint8Array> {
  const starts = unitStarts(pieces);
  if (starts === undefined) return;
  const own: string[] = [];
  let from = 0;
  let repeatedFrom = 0;
  for (let unit = 0; unit + 1 < starts.length; unit++) {
    const [start = 0, end = 0] = [starts[unit], starts[unit + 1]];
    const text = pieces.toString("latin1", start, end);
    if (seen.has(text)) continue;
    own.push(text);
    if (start - repeatedFrom >= LEAST_REPEATED_BYTES) {
      if (repeatedFrom > from) yield pieces.subarray(from, repeatedFrom);
      from = start;
    }
    repeatedFrom = end;
  }
  if (repeatedFrom > from) yield Buffer.concat([pieces.subarray(from, repeatedFrom), SEPARATOR]);
  for (const text of own) seen.add(text);
}

const SEPARATOR = Uint8Array.of(BETWEEN_PIECES);
