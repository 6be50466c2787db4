/**
 * The two access logs of a pair, joined: what the edge says of an exchange and what the origin side says of the same
 * one, by stream number (a pair has one link, and its stream numbers are never used twice). The lines arrive over two
 * pipes in any order; an exchange is complete when both are there.
 */
import { z } from "zod";

export const ANSWERS = ["same", "delta", "whole", "passed"] as const;
export type Answer = (typeof ANSWERS)[number];

const COUNT = z.number().nonnegative();

const EDGE_LINE = z.object({
  /** Absent where no stream was opened: no link served the host, or the request was refused. */
  stream: z.number().optional(),
  host: z.string().optional(),
  target: z.string(),
  status: z.number(),
  answer: z.enum(ANSWERS).optional(),
  /** Why the answer was whole or had no base, where the daemon says so. */
  reason: z.string().optional(),
  /** Bases that the answer was built on. */
  bases: COUNT.optional(),
  pageBytes: COUNT.optional(),
  /** Bytes of the answer's body on the link, before framing and TLS. */
  answerBytes: COUNT.optional(),
  decodeMs: COUNT.optional(),
  totalMs: COUNT.optional(),
});

const ORIGIN_LINE = z.object({
  stream: z.number(),
  /** Where only this side knows why no base was used. */
  reason: z.string().optional(),
  encodeMs: COUNT.optional(),
  originMs: COUNT.optional(),
});

export type EdgeLine = z.infer<typeof EDGE_LINE>;
export type OriginLine = z.infer<typeof ORIGIN_LINE>;

export interface LoggedExchange {
  readonly edge: EdgeLine;
  /** Undefined where the edge answered by itself. */
  readonly origin: OriginLine | undefined;
}

export class ExchangeLog {
  readonly #edgeLines = new Map<number, EdgeLine>();
  readonly #originLines = new Map<number, OriginLine>();
  readonly #complete: LoggedExchange[] = [];
  #waiting: PromiseWithResolvers<LoggedExchange> | undefined;
  #failure: Error | undefined;
  /** Called with each line of the edge, though the origin side's comes later: it waits for the proof. */
  seenByEdge: (line: EdgeLine) => void = () => {};

  /** A line that the edge printed; anything that is not an access line fails the log. */
  fromEdge(line: unknown): void {
    const read = EDGE_LINE.safeParse(line);
    if (!read.success) {
      this.fail(
        new Error(`the edge printed an access line that the harness cannot read: ${JSON.stringify(line)}`),
      );
      return;
    }
    this.seenByEdge(read.data);
    const { stream } = read.data;
    if (stream === undefined) {
      this.#deliver({ edge: read.data, origin: undefined });
      return;
    }
    this.#edgeLines.set(stream, read.data);
    this.#join(stream);
  }

  fromOrigin(line: unknown): void {
    const read = ORIGIN_LINE.safeParse(line);
    if (!read.success) {
      this.fail(
        new Error(
          `the origin side printed an access line that the harness cannot read: ${JSON.stringify(line)}`,
        ),
      );
      return;
    }
    this.#originLines.set(read.data.stream, read.data);
    this.#join(read.data.stream);
  }

  /** The next complete exchange, in the order of completion. One caller at a time; rejects once the log has failed. */
  next(signal?: AbortSignal): Promise<LoggedExchange> {
    signal?.throwIfAborted();
    const ready = this.#complete.shift();
    if (ready !== undefined) return Promise.resolve(ready);
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (this.#waiting !== undefined) throw new Error("somebody else waits for the next exchange");
    const waiting = Promise.withResolvers<LoggedExchange>();
    this.#waiting = waiting;
    const stop = () => {
      if (this.#waiting === waiting) this.#waiting = undefined;
      waiting.reject(signal?.reason);
    };
    signal?.addEventListener("abort", stop, { once: true });
    return waiting.promise.finally(() => signal?.removeEventListener("abort", stop));
  }

  /** Throws what the log failed with, if it did. */
  throwIfFailed(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** No more exchanges will come: a daemon is gone. */
  fail(error: Error): void {
    this.#failure ??= error;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.reject(this.#failure);
  }

  #join(stream: number): void {
    const edge = this.#edgeLines.get(stream);
    const origin = this.#originLines.get(stream);
    if (edge === undefined || origin === undefined) return;
    this.#edgeLines.delete(stream);
    this.#originLines.delete(stream);
    this.#deliver({ edge, origin });
  }

  #deliver(exchange: LoggedExchange): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting === undefined) this.#complete.push(exchange);
    else waiting.resolve(exchange);
  }
}
