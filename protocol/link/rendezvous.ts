/**
 * Which of several candidates serves a template: rendezvous hashing (highest random weight). Every edge that knows the
 * same candidates picks the same one, so bases stay where they are useful; when a candidate leaves, only what it had
 * moves, and it moves evenly to the others. One that is busy beyond its part is passed over. A pure function. SPEC
 * section "Choosing a link".
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

export interface Candidate {
  readonly id: string;
  /** Its part of the pages, beside those of the others. */
  readonly weight: number;
  /** Requests that it has now. */
  readonly load: number;
}

/** A candidate has at most so much more than its part of all requests under way; what is above it goes to the next one. */
const MOST_OF_ITS_PART = 1.25;
/** So many never are too many: at little load pages stay where their bases are. @internal */
export const LEAST_BOUND = 16;

/**
 * The candidate that ranks first for (host, template), of those whose load is within their bound; undefined when there is none.
 * `candidates`: in any order, no id twice.
 */
export function pickByRendezvous(
  candidates: readonly Candidate[],
  page: { readonly host: string; readonly template: string },
): string | undefined {
  if (candidates.length < 2) return candidates[0]?.id;
  const pageHash = scattered(hashOf(page.template, hashOf(`${page.host} `, FNV_OFFSET)));
  let weights = 0;
  let loads = 1;
  for (const { weight, load } of candidates) {
    weights += weight;
    loads += load;
  }
  let best: string | undefined;
  let bestRank = -1;
  for (const { id, weight, load } of candidates) {
    if (load >= Math.max(LEAST_BOUND, (MOST_OF_ITS_PART * loads * weight) / weights)) continue;
    const hash = scattered(scattered(hashOf(id, FNV_OFFSET)) ^ pageHash);
    // Weighted: of uniform chances u the largest u^(1/weight) is each one's in proportion to its weight.
    const rank = ((hash + 1) / HASHES) ** (1 / weight);
    // The smaller id wins a tie, so that the order of candidates never matters.
    if (rank > bestRank || (rank === bestRank && best !== undefined && id < best)) {
      best = id;
      bestRank = rank;
    }
  }
  return best;
}

const HASHES = 2 ** 32;
