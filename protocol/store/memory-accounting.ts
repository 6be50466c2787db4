/**
 * What a version costs: its body, the characters of its keys, and the objects around them, so that the store's bound in
 * bytes is one on resident size. A test fills a store and compares. SPEC section "Version store".
 */
import type { HeldVersion } from "./stored-version.ts";

/**
 * What is charged beside bodies and characters, in bytes. Measured as resident size per version of 10 bytes: 1,520 for
 * public pages that share their templates, 2,520 where every page has a session and templates of its own. These say
 * 2,130 and 2,430: shared lists are charged to each, which makes up for what V8 leaves fragmented.
 */
export const VERSION_BYTES = 800;
/** For each page that a version is found as. @internal */
export const PLACE_BYTES = 400;
/** For each URL or template that a page stands under. @internal */
export const LIST_BYTES = 220;
/** For each partition that has a version: its index and its order of last uses. Measured as 4.1 KB with an index that is empty. */
export const PARTITION_BYTES = 5_000;
/** Of a packed body, beside its bytes. */
const PACKED_BYTES = 100;
/** Charged for evidence, beside its marks. */
const EVIDENCE_BYTES = 200;
/** For each encoded copy, beside its bytes. */
const COPY_BYTES = 200;

/** Bytes to account for a version with. Every place is charged with the keys of all its lists, although places share those. */
export function accountedBytesOf(version: HeldVersion): number {
  let bytes = (version.raw?.length ?? 0) + VERSION_BYTES + version.lastUrl.length;
  if (version.packed !== undefined) bytes += PACKED_BYTES + version.packed.coded.length;
  for (const { lists } of version.places) {
    bytes += PLACE_BYTES;
    for (const { key } of lists) bytes += LIST_BYTES + key.length;
  }
  for (const copy of version.copies?.values() ?? []) bytes += COPY_BYTES + copy.length;
  return version.evidence === undefined ? bytes : bytes + EVIDENCE_BYTES + version.evidence.bytes;
}
