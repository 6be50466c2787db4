/** What the access log says of one visit. Times are milliseconds. */
import type { StreamErrorCode } from "../../protocol/errors.ts";
import type { NoBase, WithoutLink } from "../../protocol/scope/no-base.ts";

export interface VisitRecord {
  readonly host: string;
  readonly method: string;
  readonly target: string;
  /** Both sides' lines of it have the same. */
  readonly id?: string | undefined;
  /** The key of the link that served it, and the stream's number there. */
  readonly link?: string | undefined;
  readonly stream?: number | undefined;
  readonly status?: number | undefined;
  readonly answer?: "same" | "delta" | "whole" | "passed" | "fallback" | "direct" | undefined;
  /**
   * Why the answer was whole, passed, or a fallback's; undefined where it had a base, or failed on a link. `refused`: there is none, as
   * the request was refused by its head, and the status says for what.
   */
  readonly reason?: NoBase | WithoutLink | "refused" | undefined;
  /** Versions offered. */
  readonly bases?: number | undefined;
  readonly pageBytes?: number | undefined;
  /** Payload bytes of the answer's frames but the HTTP heads. */
  readonly answerBytes?: number | undefined;
  /** Of the request's body: as the visitor sent it, and on the link. */
  readonly bodyBytes?: number | undefined;
  readonly requestBytes?: number | undefined;
  readonly decodeMs?: number | undefined;
  /** See VisitTimes; until the head goes to the visitor. */
  readonly originMs?: number | undefined;
  readonly linkMs?: number | undefined;
  readonly edgeMs?: number | undefined;
  readonly totalMs?: number | undefined;
  /** The delta did not verify, and plain bytes came in its place. */
  readonly mismatched?: true | undefined;
  readonly failed?: StreamErrorCode | undefined;
}
