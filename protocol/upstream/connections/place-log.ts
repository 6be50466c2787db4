/** What the log is told of a route whose places are short: once when it begins, then with counts, and not more often than it helps. */
import { sayIfOutOfDescriptors, sayLimit } from "../../daemon/limit-log.ts";
import type { Log } from "../../daemon/log.ts";
import { StreamError } from "../../errors.ts";
import type { Clock } from "../../runtime/clock.ts";

/** @internal */
export const LOG_EVERY_MS = 10_000;

export interface PlaceLogOptions {
  readonly clock: Clock;
  readonly log?: Pick<Log, "warn"> | undefined;
  /** The web server's address. */
  readonly server: string;
}

export class PlaceLog {
  readonly #options: PlaceLogOptions;
  #waiting = { at: -Infinity, waited: 0, refused: 0 };
  #besideAt = -Infinity;

  constructor(options: PlaceLogOptions) {
    this.#options = options;
  }

  /** A request begins to wait, behind or beside `waiting` others. */
  waits(connections: number, waiting: number): void {
    const { clock, log, server } = this.#options;
    this.#waiting.waited++;
    const now = clock.now();
    const { at, waited, refused } = this.#waiting;
    if (now - at < LOG_EVERY_MS) return;
    log?.warn("requests wait for a place", { server, connections, waiting, waited, refused });
    this.#waiting = { at: now, waited: 0, refused: 0 };
  }

  /** One has waited for too long; returns what it is told. */
  refused(waitedMs: number, connections: number): StreamError {
    this.#waiting.refused++;
    const { log, server } = this.#options;
    if (log !== undefined) sayLimit(log, "routes[].connections", { server, connections, waitedMs });
    return new StreamError(
      "no-place",
      `no place for ${waitedMs} ms: the web server is busy with all ${connections} connections of the route, or with this network's share of them`,
    );
  }

  /** Something came on a connection that belongs to no request of ours. */
  spoilt(): void {
    const { log, server } = this.#options;
    log?.warn("web server sent more than its responses", { server });
  }

  /** Where that is for want of descriptors, it is told. */
  notMade(error: unknown): void {
    if (this.#options.log !== undefined) sayIfOutOfDescriptors(this.#options.log, error);
  }

  /** An event stream or upgraded connection keeps its place, since so many are open beside the places already. */
  keepsPlace(openStreams: number): void {
    const { clock, log, server } = this.#options;
    if (clock.now() - this.#besideAt < LOG_EVERY_MS) return;
    this.#besideAt = clock.now();
    log?.warn("event streams and upgraded connections keep their places", { server, openStreams });
  }
}

/** What requests are told that come, or still wait, when a route is closed. */
export const routeClosed = (): StreamError => new StreamError("origin-failed", "the route is closed");
