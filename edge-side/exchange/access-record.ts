/** What the access log says of one visit. Times are milliseconds. */
import type { StreamErrorCode } from "../../protocol/errors.ts";

export interface VisitRecord {
  readonly host: string;
  readonly method: string;
  readonly target: string;
  /** The key of the link that served it, and the stream's number there. */
  link?: string;
  stream?: number;
  status?: number;
  answer?: "same" | "delta" | "whole" | "passed";
  /** Versions offered. */
  bases?: number;
  pageBytes?: number;
  /** Payload bytes of the answer's frames but the HTTP heads. */
  answerBytes?: number;
  /** Of the request's body: as the visitor sent it, and on the link. */
  bodyBytes?: number;
  requestBytes?: number;
  decodeMs?: number;
  totalMs?: number;
  /** The delta did not prove, and plain bytes came in its place. */
  doubted?: true;
  failed?: StreamErrorCode;
}
