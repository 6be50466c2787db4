/** What decoding an answer needs of the visit that it is for. */

import type { Clock } from "../../protocol/runtime/clock.ts";
import type { Fingerprint } from "../../protocol/store/fingerprint.ts";
import type { Version } from "../../protocol/store/stored-version.ts";
import type { VisitMemory } from "../exchange/visit-memory.ts";

export interface DecodeContext {
  readonly offers: {
    /** What the request offered, in that order. */
    readonly versions: readonly Version[];
  };
  readonly clock: Clock;
  readonly pageBytes: number;
  /** What this exchange takes while its page is put together, and until the visitor has it. */
  readonly memory: VisitMemory;
  /** A whole, verified body; called before its last piece is given out. */
  remember(body: Buffer, fingerprint: Fingerprint): void;
  /** Plain bytes begin, with the ETag that the head had left out. Throws StreamError where it does not fit that head. */
  resumed(tag: string | undefined): void;
  /** A delta did not verify; these were its bases. */
  onMismatch(bases: readonly Version[]): void;
  /** When all of a body was here that did not come with its head; set by who collects it. */
  collectedAt: number | undefined;
  /** Milliseconds spent decoding, once all was here. */
  decoded(ms: number): void;
}
