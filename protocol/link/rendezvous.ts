/**
 * Which of several candidates serves a template: rendezvous hashing (highest random weight). Every edge that knows the
 * same candidates picks the same one, so bases stay where they are useful; when a candidate leaves, only what it had
 * moves, and it moves evenly to the others. A pure function. SPEC section "Choosing a link".
 */

const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

/** FNV-1a over UTF-16 code units. Spreads load only: nothing is secret here and nothing is verified by it. */
function hashOf(text: string, seed: number): number {
  let hash = seed;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), FNV_PRIME);
  return hash;
}

/** The finish of MurmurHash3: FNV alone leaves the high bits of short inputs alike, and weights compare by those. */
function scattered(hash: number): number {
  let h = hash;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/**
 * The candidate with the highest weight for (host, template); undefined when there is none. `candidates` are ids, in
 * any order and without duplicates.
 */
export function pickByRendezvous(
  candidates: readonly string[],
  page: { readonly host: string; readonly template: string },
): string | undefined {
  if (candidates.length < 2) return candidates[0];
  const pageHash = scattered(hashOf(page.template, hashOf(`${page.host} `, FNV_OFFSET)));
  let best: string | undefined;
  let bestWeight = -1;
  for (const candidate of candidates) {
    const weight = scattered(scattered(hashOf(candidate, FNV_OFFSET)) ^ pageHash);
    // The smaller id wins a tie, so that the order of candidates never matters.
    if (weight > bestWeight || (weight === bestWeight && best !== undefined && candidate < best)) {
      best = candidate;
      bestWeight = weight;
    }
  }
  return best;
}
