/** What decoding an answer needs of the visit that it is for. */

import type { Clock } from "../../protocol/runtime/clock.ts";
import type { Lease } from "../../protocol/runtime/memory-budget.ts";
import type { Fingerprint } from "../../protocol/store/fingerprint.ts";
import type { Version } from "../../protocol/store/stored-version.ts";

export interface DecodeContext {
  readonly offers: {
    /** What the request offered, in that order. */
    readonly versions: readonly Version[];
  };
  readonly clock: Clock;
  readonly pageBytes: number;
  /** The memory that this exchange takes while it is put together. */
  readonly lease: Lease;
  /** Takes memory for a page until the visitor has it; false where there is none. */
  hold(page: Buffer): boolean;
  /** Waits, within reason, until there could be memory for so many bytes; false: there was none. */
  whenRoom(bytes: number): Promise<boolean>;
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
