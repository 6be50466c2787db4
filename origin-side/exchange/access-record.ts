/** What the access log says of one exchange on the origin side. Times are milliseconds. */
import type { StreamErrorCode } from "../../protocol/errors.ts";

export interface ExchangeRecord {
  readonly stream: number;
  readonly host: string;
  readonly target: string;
  status?: number;
  answer?: "same" | "delta" | "whole" | "passed";
  /** The body left in segments, as the web server made it. */
  streamed?: true;
  bases?: number;
  pageBytes?: number;
  /** Until the web server's response head. */
  originMs?: number;
  encodeMs?: number;
  /** Until word came that the edge had proved the answer; that word may wait a tenth of a second for company. */
  totalMs?: number;
  failed?: StreamErrorCode;
}
