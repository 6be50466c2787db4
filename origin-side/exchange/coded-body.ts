/** The body of a request in the coding that it has on the link. */

import type { BodyEnd } from "../../protocol/upstream/body.ts";

/** A segment's running digest. */
export interface SegmentDigest {
  readonly digest: string;
}

/** A body as it crosses the link, read once. */
export interface CodedBody {
  next(): Promise<Uint8Array | SegmentDigest | BodyEnd>;
  /** So many coded bytes are done with. */
  taken(bytes: number): void;
}
