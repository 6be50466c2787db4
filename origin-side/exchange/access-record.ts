/** What the access log says of one exchange on the origin side. Times are milliseconds. */
import type { StreamErrorCode } from "../../protocol/errors.ts";
import type { NoBase } from "../../protocol/scope/no-base.ts";
import type { Route } from "../config/route-config.ts";
import type { IncomingExchange } from "./incoming-exchange.ts";

/** How an answer went out. */
export interface SentAnswer {
  readonly answer: "same" | "delta" | "whole" | "passed";
  /** Why it builds on nothing, where only this side knows. */
  readonly reason?: NoBase | undefined;
  /** The versions that it builds on. */
  readonly bases?: number;
  /** Bytes of its plain body; undefined: it passed, so they are those that crossed the link. */
  readonly pageBytes?: number;
  readonly encodeMs?: number;
  /** The body left in segments, as the web server made it. */
  readonly streamed?: true;
}

/** What the phases of an exchange came to, as far as it got. Times are those of the link's clock. */
export interface ReachedPhases {
  readonly startedAt: number;
  /** Whose web server is asked. */
  route?: Route;
  /** Of the web server's response head. */
  response?: { readonly status: number; readonly at: number };
  sent?: SentAnswer;
  failed?: StreamErrorCode;
}

export interface ExchangePhases extends ReachedPhases {
  /** Writes the record, unless it is written. */
  note(): void;
}

export const phasesFrom = (startedAt: number, write: (phases: ReachedPhases) => void): ExchangePhases => {
  let noted = false;
  const phases: ExchangePhases = {
    startedAt,
    note() {
      if (!noted) write(phases);
      noted = true;
    },
  };
  return phases;
};

export interface ExchangeRecord {
  readonly host: string;
  readonly target: string;
  readonly stream: number;
  readonly status: number | undefined;
  /** Until the web server's response head. */
  readonly originMs: number | undefined;
  readonly answer: SentAnswer["answer"] | undefined;
  readonly reason: NoBase | undefined;
  readonly bases: number | undefined;
  readonly encodeMs: number | undefined;
  readonly pageBytes: number | undefined;
  readonly streamed: true | undefined;
  readonly failed: StreamErrorCode | undefined;
  /**
   * Until word came that the edge had verified the answer, or a tenth of a second after that left: the word may wait
   * longer for company.
   */
  readonly totalMs: number;
}

export const recordOf = (
  { host, request, streamId, sentBytes }: IncomingExchange,
  { startedAt, response, sent, failed }: ReachedPhases,
  endedAt: number,
): ExchangeRecord => ({
  host,
  target: request.target,
  stream: streamId,
  status: response?.status,
  originMs: response && response.at - startedAt,
  answer: sent?.answer,
  reason: sent?.reason,
  bases: sent?.bases,
  encodeMs: sent?.encodeMs,
  pageBytes: sent && (sent.pageBytes ?? sentBytes),
  streamed: sent?.streamed,
  failed,
  totalMs: endedAt - startedAt,
});
