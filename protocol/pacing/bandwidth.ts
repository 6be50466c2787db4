/**
 * How fast a path delivers: the highest rate of the last seconds. A round that did not use the path up says only that it is
 * at least so fast. SPEC section "Link budget".
 */

/** Spans remembered, of a round each: a rate that fell is believed after so many round trips. @internal */
export const SPANS = 8;
/** A span is of so long at least: a machine that is busy for a while has not made the path slow. @internal */
export const SPAN_MS = 400;

/** A shorter time says nothing: what a turn of the event loop takes or brings together decides. */
const SHORTEST_MS = 1;

/** A ping that was answered. */
export interface Point {
  /** What the peer had received. */
  readonly bytes: number;
  readonly sentAt: number;
  readonly heardAt: number;
}

export class PathRate {
  /** Highest of each span that used the path up, oldest first; the last is still open. */
  readonly #spans: number[] = [];
  #spanSince = 0;
  /** Of this round. */
  #highest = 0;
  #full = false;
  #bytesPerMs = 0;

  get bytesPerMs(): number {
    return this.#bytesPerMs;
  }

  /** The path was used up at least once: the rate is its own. */
  get verified(): boolean {
    return this.#spans.length > 0;
  }

  /**
   * `heard` is a ping that left after `since` was heard. Word may come late and then all at once, which is no high rate: what
   * arrived did not arrive faster than it had been sent.
   */
  measured(since: Point, heard: Point, full: boolean): void {
    const ms = Math.max(heard.heardAt - since.heardAt, heard.sentAt - since.sentAt, SHORTEST_MS);
    const rate = (heard.bytes - since.bytes) / ms;
    if (!full && rate <= this.#bytesPerMs) return;
    this.#full ||= full;
    this.#highest = Math.max(this.#highest, rate);
    this.#bytesPerMs = Math.max(this.#bytesPerMs, rate);
  }

  /** Returns whether the round used the path up. */
  endRound(now: number): boolean {
    const full = this.#full;
    if (!full) return false;
    const last = this.#spans.at(-1);
    if (last !== undefined && now - this.#spanSince < SPAN_MS)
      this.#spans[this.#spans.length - 1] = Math.max(last, this.#highest);
    else {
      this.#spans.push(this.#highest);
      this.#spanSince = now;
      if (this.#spans.length > SPANS) this.#spans.shift();
    }
    this.#bytesPerMs = Math.max(...this.#spans);
    this.#highest = 0;
    this.#full = false;
    return true;
  }
}
