/**
 * How much may be under way on a link in one direction: sent, and not yet reported as received by the peer. Without this
 * bound the operating system's send buffer, which nobody can look into, swallows megabytes, and a small answer waits
 * seconds behind them. The bound follows twice the bandwidth-delay product, measured by pings whose pongs carry the
 * peer's count. SPEC section "Link budget".
 */

export const LEAST_BUDGET_BYTES = 64 * 1024;
/** While the shortest round trip is measured anew: one message, so that the ping waits behind next to nothing of ours. */
export const DRAINED_BUDGET_BYTES = 16 * 1024;
/** The shortest round trip of this period and the one before counts, so a path that became longer is noticed. */
export const RTT_PERIOD_MS = 5 * 60_000;
/** Samples remembered for the highest rate. */
const SAMPLES = 32;

/** Most pings under way; their spacing is a quarter of the budget, so more would only be those of a limit that shrank. */
const MOST_PINGS = 8;

interface PingUnderWay {
  readonly token: number;
  readonly sentAt: number;
  /** What was reported when it left, and since when. */
  readonly reportedBytes: number;
  readonly reportedAt: number;
  /** The budget was used up meanwhile, so the rate is the path's and not that of what we had to say. */
  full: boolean;
}

/** First all that was under way must arrive; then the pong of a ping sent after that shows the path without our queue. */
type Drain = { readonly untilBytes: number } | { readonly untilToken: number };

export class LinkBudget {
  #sentBytes = 0;
  #reportedBytes = 0;
  #reportedAt = 0;
  /** Oldest first; pongs come in the same order. */
  readonly #pings: PingUnderWay[] = [];
  #nextToken = 1;
  /** Sent when the last ping left. */
  #pingedBytes = 0;
  readonly #bytesPerMs: number[] = [];
  #limitBytes = LEAST_BUDGET_BYTES;
  #rttMs = Number.POSITIVE_INFINITY;
  #rttBeforeMs = Number.POSITIVE_INFINITY;
  #rttSince: number | undefined;
  #drain: Drain | undefined;

  /** Shortest round trip of late, milliseconds; 0 before the first pong. */
  get baseRttMs(): number {
    const ms = Math.min(this.#rttMs, this.#rttBeforeMs);
    return ms === Number.POSITIVE_INFINITY ? 0 : ms;
  }

  get limitBytes(): number {
    return this.#drain === undefined ? this.#limitBytes : DRAINED_BUDGET_BYTES;
  }

  /** Bytes that may leave now; below zero when control frames went over. */
  get room(): number {
    return this.limitBytes - (this.#sentBytes - this.#reportedBytes);
  }

  sent(bytes: number): void {
    this.#sentBytes += bytes;
    if (this.room <= 0) for (const ping of this.#pings) ping.full = true;
  }

  /** The peer has taken `totalBytes` since the link began; counts that go back or beyond what was sent are ignored. */
  reported(totalBytes: number, now: number): void {
    if (totalBytes <= this.#reportedBytes || totalBytes > this.#sentBytes) return;
    this.#reportedBytes = totalBytes;
    this.#reportedAt = now;
  }

  /**
   * A token for a ping when one is due: with the `more` bytes that are about to leave, a quarter of the budget has left since
   * the last one, or is unreported with none on its way. So the budget is never used up without word to come.
   */
  pingDue(now: number, more: number): number | undefined {
    const since = this.#pings.length === 0 ? this.#reportedBytes : this.#pingedBytes;
    const due = (this.#sentBytes + more - since) * 4 > this.limitBytes;
    return due && this.#pings.length < MOST_PINGS ? this.startPing(now, more) : undefined;
  }

  /** A token for a ping in any case, which leaves after `more` bytes. */
  startPing(now: number, more = 0): number {
    const token = this.#nextToken++;
    const [reportedBytes, reportedAt] = [this.#reportedBytes, this.#reportedAt];
    this.#pings.push({ token, sentAt: now, reportedBytes, reportedAt, full: false });
    if (this.#pings.length > MOST_PINGS) this.#pings.shift();
    this.#pingedBytes = this.#sentBytes + more;
    return token;
  }

  pong(token: number, totalBytes: number, now: number): void {
    this.reported(totalBytes, now);
    const at = this.#pings.findIndex((ping) => ping.token === token);
    const ping = this.#pings[at];
    if (ping === undefined) return;
    this.#pings.splice(0, at + 1);
    this.#goOnDraining(token);
    this.#measureRtt(Math.max(now - ping.sentAt, SHORTEST_MS), now, ping.full);
    this.#measureRate(ping, now);
    this.#limitBytes = Math.max(LEAST_BUDGET_BYTES, 2 * Math.max(...this.#bytesPerMs, 0) * this.baseRttMs);
  }

  /** Counted from the report before the ping: what had arrived long before it says nothing about the path's rate. */
  #measureRate(ping: PingUnderWay, now: number): void {
    const rate = (this.#reportedBytes - ping.reportedBytes) / Math.max(now - ping.reportedAt, SHORTEST_MS);
    // A slow sample counts only if it was the path that was slow.
    if (!ping.full && rate <= Math.max(...this.#bytesPerMs, 0)) return;
    this.#bytesPerMs.push(rate);
    if (this.#bytesPerMs.length > SAMPLES) this.#bytesPerMs.shift();
  }

  /**
   * Under load every ping waits behind what we have under way, twice the base at the most; taken for the base itself, that
   * would double the budget again and again. So a period that begins under load begins with a drained path.
   */
  #measureRtt(ms: number, now: number, full: boolean): void {
    this.#rttSince ??= now;
    if (now - this.#rttSince >= RTT_PERIOD_MS) {
      this.#rttSince = now;
      this.#rttBeforeMs = this.#rttMs;
      this.#rttMs = Number.POSITIVE_INFINITY;
      if (full) this.#drain = { untilBytes: this.#sentBytes };
    }
    this.#rttMs = Math.min(this.#rttMs, ms);
  }

  #goOnDraining(token: number): void {
    if (this.#drain === undefined) return;
    if ("untilToken" in this.#drain) {
      if (token >= this.#drain.untilToken) this.#drain = undefined;
    } else if (this.#reportedBytes >= this.#drain.untilBytes) this.#drain = { untilToken: this.#nextToken };
  }
}

/** Less than a clock can tell; keeps a rate finite. */
const SHORTEST_MS = 0.01;
