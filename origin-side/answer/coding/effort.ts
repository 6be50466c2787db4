/** What coding a page may cost, by how busy this process is. What the rows rest on is at the top of encode-delta. */
import { LEAST_COMPRESSED_BYTES } from "../../../protocol/codec/splice.ts";
import { AT_ONCE_BYTES } from "../../../protocol/mixing/long-pages.ts";
import { MIXED_ADDED_BYTES } from "../../../protocol/mixing/mixed-page.ts";
import type { Extension } from "../../../protocol/wire/extensions.ts";

/** Of the process, from 0 to 1: up to here there is time for all that makes an answer smaller. */
export const LEISURE_LOAD = 0.8;

/**
 * A page with more of its own is mixed in turns, up to a load, and where the compressor needs more than an eighth of
 * what is its own: 30 KB of text take 10 ms on either side and are a quarter smaller; where it is mostly what the page
 * had before, hardly anything is gained. A page by itself gains as many bytes for its time whatever it repeats, which
 * takes little time (136 KB of which zstd makes a twelfth: 8.0 KB and not 11.2, in 12 ms), as long as zstd needs more
 * than a 32nd.
 */
export const IN_TURNS = {
  upToLoad: 0.3,
  addedBytes: MIXED_ADDED_BYTES,
  leastShareLog: 3,
  leastShareLogAlone: 5,
} as const;

/**
 * On its bases such a page leaves before it is known whether it is smaller than what the compressor made: where it has
 * so much of its own, or that needs more than a fifth of what is its own. Of 45 such pages of the corpus and of
 * captured visits none was larger, of 15 others 4 were, by 6 % at most, or as large; of 14 by themselves none.
 */
const LEAVES = { ownBytes: 32 * 1024, share: 5 } as const;

export const leavesUncompared = (ownBytes: number, codedBytes: number): boolean =>
  ownBytes >= LEAVES.ownBytes || codedBytes * LEAVES.share > ownBytes;

/** What is asked of an exchange, when it matters and no sooner: either may have changed by then. */
export interface LinkNow {
  /** What is sent now waits for what was sent before. */
  readonly linkIsFull: boolean;
  /** The request, which says whether the edge has time for a mixed splice. */
  readonly open: { readonly extensions: readonly Extension[] };
}

/** The first row whose load is not exceeded. */
export interface Effort {
  readonly upToLoad: number;
  readonly bases: number;
  /** A splice of so many bytes is good enough. */
  readonly spliceBytes: number;
  /** It is given up beyond so many steps and bytes of the page's own. */
  readonly steps: number;
  readonly addedBytes: number;
  /** Its steps are compressed from so many bytes on. */
  readonly compressedFrom: number;
  /** A page is mixed that has no more bytes of its own; 0: none is. */
  readonly mixedBytes: number;
}

/** @internal */
export const EFFORTS: readonly Effort[] = [
  {
    upToLoad: LEISURE_LOAD,
    bases: 8,
    spliceBytes: 512,
    steps: 96,
    addedBytes: 2048,
    compressedFrom: LEAST_COMPRESSED_BYTES,
    mixedBytes: AT_ONCE_BYTES,
  },
  {
    upToLoad: 0.95,
    bases: 2,
    spliceBytes: 768,
    steps: 96,
    addedBytes: 2048,
    compressedFrom: 512,
    mixedBytes: 512,
  },
  {
    upToLoad: 1,
    bases: 1,
    spliceBytes: 2048,
    steps: 192,
    addedBytes: 4096,
    compressedFrom: 1024,
    mixedBytes: 0,
  },
];

/** `load`: from 0 to 1. A full link takes each byte later than the processor could have saved it: it deserves one effort more. */
export const effortAt = (load: number, link: Pick<LinkNow, "linkIsFull"> = { linkIsFull: false }): Effort => {
  const row = EFFORTS.findIndex(({ upToLoad }) => load <= upToLoad);
  const byLoad = row === -1 ? EFFORTS.length - 1 : row;
  return EFFORTS[byLoad > 0 && link.linkIsFull ? byLoad - 1 : byLoad] as Effort;
};

/**
 * Whether so many bytes of a page's own are mixed where another codec makes `codedBytes` of the page: few always, more
 * in turns where there is time.
 */
export const isMixed = (
  ownBytes: number,
  codedBytes: number,
  { effort, load }: { readonly effort: Effort; readonly load: number },
  leastShareLog: number = IN_TURNS.leastShareLog,
): boolean =>
  ownBytes <= effort.mixedBytes ||
  (load <= IN_TURNS.upToLoad && ownBytes <= IN_TURNS.addedBytes && codedBytes > ownBytes >> leastShareLog);
