/** What coding a page may cost, by how busy this process is. What the rows rest on is at the top of encode-delta. */
import { LEAST_COMPRESSED_BYTES } from "../../protocol/codec/splice.ts";
import { UNITS_ADDED_BYTES } from "../../protocol/mixing/mixed-units.ts";

/** Of the process, from 0 to 1: up to here there is time for all that makes an answer smaller. */
export const LEISURE_LOAD = 0.8;
/** Up to here there is time for what takes ten milliseconds, in pieces. */
const REST_LOAD = 0.5;

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
  /** Where that is done in pieces: in units, or a page by itself. */
  readonly mixedInPiecesBytes: number;
}

const AT_LEISURE = {
  bases: 8,
  spliceBytes: 512,
  steps: 96,
  addedBytes: 2048,
  compressedFrom: LEAST_COMPRESSED_BYTES,
  mixedBytes: 8192,
} as const;

/** @internal */
export const EFFORTS: readonly Effort[] = [
  { ...AT_LEISURE, upToLoad: REST_LOAD, mixedInPiecesBytes: UNITS_ADDED_BYTES },
  { ...AT_LEISURE, upToLoad: LEISURE_LOAD, mixedInPiecesBytes: AT_LEISURE.mixedBytes },
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

/** `load`: from 0 to 1. A full link takes each byte later than the processor could have saved it: it deserves one effort more. */
export const effortAt = (
  load: number,
  link: { readonly linkIsFull: boolean } = { linkIsFull: false },
): Effort => {
  const row = EFFORTS.findIndex(({ upToLoad }) => load <= upToLoad);
  const byLoad = row === -1 ? EFFORTS.length - 1 : row;
  return EFFORTS[byLoad > 0 && link.linkIsFull ? byLoad - 1 : byLoad] as Effort;
};
