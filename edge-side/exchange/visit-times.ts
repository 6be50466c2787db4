/** Where the time of one visit went, until its head goes to the visitor. All times are milliseconds of the clock. */
import type { Timings } from "../../protocol/frames/observed.ts";
import type { Clock } from "../../protocol/runtime/clock.ts";
import type { VisitRecord } from "./access-record.ts";

export type TimesTold = Pick<VisitRecord, "originMs" | "linkMs" | "edgeMs">;

export class VisitTimes {
  readonly #clock: Pick<Clock, "now">;
  readonly #startedAt: number;
  #openedAt: number | undefined;
  #answeredAt: number | undefined;
  #headAt: number | undefined;
  #timings: Timings | undefined;

  /** `startedAt`: on the clock. */
  constructor(clock: Pick<Clock, "now">, startedAt: number) {
    this.#clock = clock;
    this.#startedAt = startedAt;
  }

  /** The request goes out on a link. */
  opened(): void {
    this.#openedAt = this.#clock.now();
    this.#answeredAt = undefined;
  }

  /** The head of its answer is here. */
  answered(timings: Timings | undefined): void {
    this.#answeredAt = this.#clock.now();
    this.#timings = timings;
  }

  /** The visitor is given its head. */
  headLeaves(): void {
    this.#headAt = this.#clock.now();
  }

  /**
   * The web server's part, as the origin side measured it; the link's, with both its ends, which is the rest of the time between
   * request and answer; and the edge's own. `collectedAt`: when the last of a buffered answer came, if that was after its head.
   */
  parts(collectedAt?: number): TimesTold {
    if (this.#openedAt === undefined || this.#answeredAt === undefined) return {};
    const awayMs = (collectedAt ?? this.#answeredAt) - this.#openedAt;
    const edgeMs =
      this.#headAt === undefined ? undefined : Math.max(0, this.#headAt - this.#startedAt - awayMs);
    const originMs = this.#timings?.originMs;
    return { originMs, linkMs: Math.max(0, awayMs - (originMs ?? 0)), edgeMs };
  }
}
