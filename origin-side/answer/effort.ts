/** How hard a page is coded at some load of this process: bytes never cost visitors their turn. What it weighs was measured, see encode-delta.ts. */
import { LEAST_COMPRESSED_BYTES } from "../../protocol/codec/splice.ts";
import { UNITS_ADDED_BYTES } from "../../protocol/mixing/mixed-units.ts";

/** What a page may cost at some load; the first row whose load is not exceeded. */
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
  /** Where that is done in pieces: in units, or a page by itself. */
  readonly mixedInPiecesBytes: number;
}

const EASY = {
  bases: 8,
  spliceBytes: 512,
  steps: 96,
  addedBytes: 2048,
  compressedFrom: LEAST_COMPRESSED_BYTES,
  mixedBytes: 8192,
} as const;

/** @internal */
export const EFFORTS: readonly Effort[] = [
  { ...EASY, upToLoad: 0.5, mixedInPiecesBytes: UNITS_ADDED_BYTES },
  { ...EASY, upToLoad: 0.8, mixedInPiecesBytes: EASY.mixedBytes },
  {
    upToLoad: 0.95,
    bases: 2,
    spliceBytes: 768,
    steps: 96,
    addedBytes: 2048,
    compressedFrom: 512,
    mixedBytes: 512,
    mixedInPiecesBytes: 0,
  },
  {
    upToLoad: 1,
    bases: 1,
    spliceBytes: 2048,
    steps: 192,
    addedBytes: 4096,
    compressedFrom: 1024,
    mixedBytes: 0,
    mixedInPiecesBytes: 0,
  },
];

/** What is asked of a link, where it matters. */
export interface LinkNow {
  /** What is sent now waits for what was sent before. */
  readonly linkIsFull: boolean;
  /** The edge has time for a mixed splice. */
  readonly takesMixed: boolean;
}

/** A full link takes each byte later than the processor could have saved it: it deserves one effort more. */
export const effortAt = (load: number, link: Pick<LinkNow, "linkIsFull"> = { linkIsFull: false }): Effort => {
  const row = EFFORTS.findIndex(({ upToLoad }) => load <= upToLoad);
  const byLoad = row === -1 ? EFFORTS.length - 1 : row;
  return EFFORTS[byLoad > 0 && link.linkIsFull ? byLoad - 1 : byLoad] as Effort;
};
