/**
 * How much may be under way on a link in one direction: sent, and not yet reported as received by the peer. Without this
 * bound the operating system's send buffer, which nobody can look into, swallows megabytes, and a small answer waits
 * seconds behind them. The bound is what the path delivers in its round trip and QUEUE_MS more: enough to keep it busy,
 * and the longest that anything waits behind what we have sent before. Rate and round trip are measured by pings (see
 * bandwidth and min-rtt). SPEC section "Link budget".
 */

import { PathRate, type Point } from "./bandwidth.ts";
import { BaseRtt } from "./min-rtt.ts";

/** Before the path has shown what it takes: as much as TCP's own first round trips. @internal */
export const FIRST_BUDGET_BYTES = 64 * 1024;
/** However slow the path. @internal */
export const LEAST_BUDGET_BYTES = 16 * 1024;
/** While the shortest round trip is measured anew, at least: the ping must have something to wait behind. @internal */
export const LEAST_DRAINED_BYTES = 4 * 1024;
/**
 * What we let wait on the path, in time. Less than the path's reports jitter would leave it idle now and then: an event loop
 * under load comes to a message some milliseconds late, at either end.
 */
export const QUEUE_MS = 12;
/** A long path is jittery too: a share of its round trip counts, if that is more. */
const QUEUE_SHARE = 1 / 8;
/** Round trips' worth to try, while a budget that is used up leaves no queue: at first, and once the path was filled. */
const FIRST_GAIN = 2;
const LATER_GAIN = 1.25;
/** At first the rate grows so much in a round at least, while the path has more to give. */
const GROWTH = 1.25;
/** What lateness by chance may add to our queue, in queues: that much more everything else may have to wait. */
const MOST_JITTER = 2;
/** Of a round in what is known of lateness. */
const JITTER_WEIGHT = 1 / 8;
/** Of the path's own contents, while it drains. */
const DRAINED_GAIN = 0.75;

/** Pings that measure the drained path: one alone may have been late. */
const DRAINED_PINGS = 4;

/** A ping for each of so many parts of the budget: word comes in steps that small, and what may leave then too. */
const MOST_PARTS = 16;
/** And for each quarter in any case; unless less than that is unreported, for a link that is not busy asks for nothing. */
const LEAST_PARTS = 4;
/** More often would help nobody, and word costs both ends a system call. */
const PING_MS = 2;
/** Most pings under way; more would only be those of a limit that shrank. */
const MOST_PINGS = 2 * MOST_PARTS;

interface PingUnderWay {
  readonly token: number;
  readonly sentAt: number;
  /** What had been answered when it left. */
  readonly since: Point;
  /** Nothing sent after the last pause had been answered: its rate is that of a beginning. */
  readonly early: boolean;
  /** The budget was used up meanwhile, so the rate is the path's and not that of what we had to say. */
  full: boolean;
}

interface Round {
  readonly leastMs: number;
  readonly sumMs: number;
  readonly pongs: number;
}

const NO_ROUND: Round = { leastMs: Number.POSITIVE_INFINITY, sumMs: 0, pongs: 0 };

/** First all that was under way must arrive; then the pongs of pings sent after that show the path without our queue. */
type Drain = { readonly untilBytes: number } | { readonly untilToken: number };

export class SendBudget {
  readonly #rtt = new BaseRtt();
  readonly #rate = new PathRate();
  #sentBytes = 0;
  #reportedBytes = 0;
  /** The last ping that was answered, or the end of a pause. */
  #answered: Point = { bytes: 0, sentAt: 0, heardAt: 0 };
  /** Sent when the last pause ended. */
  #pausedBytes = 0;
  /** Oldest first; pongs come in the same order. */
  readonly #pings: PingUnderWay[] = [];
  #nextToken = 1;
  /** Sent when the last ping left. */
  #pingedBytes = 0;
  #limitBytes = FIRST_BUDGET_BYTES;
  #gain = FIRST_GAIN;
  /** The first token of the next round: its pong ends this one. */
  #nextRound = 1;
  /** Round trips of this round. */
  #round = NO_ROUND;
  /** How much later than the earliest of its round a pong comes on the average. */
  #jitterMs = 0;
  /** What the path has shown to deliver as of the last pong; 0 while nothing has used it up. Written here alone. */
  bytesPerMs = 0;
  /** The highest rate when this round began. */
  #roundBytesPerMs = 0;
  #drain: Drain | undefined;
  /** No round that began on a drained path: it is quiet whatever the path takes. */
  #undrained = true;

  /** Shortest round trip of late, milliseconds; 0 before the first pong. */
  get baseRttMs(): number {
    return this.#rtt.ms;
  }

  /** How the path does, beside the bytes that were received by it. Bytes are those of messages. */
  vitals(receivedBytes: number): {
    readonly rttMs: number;
    readonly sentBytes: number;
    readonly receivedBytes: number;
  } {
    return { rttMs: this.baseRttMs, sentBytes: this.#sentBytes, receivedBytes };
  }

  get limitBytes(): number {
    if (this.#drain === undefined) return this.#limitBytes;
    const path = this.#rate.bytesPerMs * this.baseRttMs;
    return Math.min(this.#limitBytes, Math.max(LEAST_DRAINED_BYTES, DRAINED_GAIN * path));
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
  reported(totalBytes: number): void {
    if (totalBytes > this.#reportedBytes && totalBytes <= this.#sentBytes) this.#reportedBytes = totalBytes;
  }

  /**
   * Whether a ping is to leave: with the `more` bytes that are about to leave, a quarter of the budget is unreported, and a
   * sixteenth or what the path takes in PING_MS has left since the last ping. So the budget is never used up without word to come.
   */
  isPingDue(more: number): boolean {
    const sent = this.#sentBytes + more;
    const limit = this.limitBytes;
    if ((sent - this.#reportedBytes) * LEAST_PARTS <= limit) return false;
    const since = this.#pings.length === 0 ? this.#reportedBytes : this.#pingedBytes;
    const step = Math.min(limit / LEAST_PARTS, Math.max(limit / MOST_PARTS, this.bytesPerMs * PING_MS));
    return sent - since > step && this.#pings.length < MOST_PINGS;
  }

  /** A token for a ping, which leaves after `more` bytes. */
  startPing(now: number, more = 0): number {
    // After a pause: what arrived in it says nothing about how fast the path is.
    if (this.#pings.length === 0 && now - this.#answered.heardAt > this.baseRttMs) {
      this.#answered = { bytes: this.#sentBytes, sentAt: now, heardAt: now };
      this.#pausedBytes = this.#sentBytes;
    }
    const token = this.#nextToken++;
    const early = this.#answered.bytes <= this.#pausedBytes;
    this.#pings.push({ token, sentAt: now, since: this.#answered, early, full: false });
    // Unanswered for ever: the peer answers others, or nothing.
    if (this.#pings.length > MOST_PINGS) this.#pings.shift();
    this.#pingedBytes = this.#sentBytes + more;
    return token;
  }

  pong(token: number, totalBytes: number, now: number): void {
    const at = this.#pings.findIndex((ping) => ping.token === token);
    const ping = this.#pings[at];
    this.reported(totalBytes);
    if (ping === undefined || totalBytes > this.#sentBytes) return;
    this.#pings.splice(0, at + 1);
    this.#goOnDraining(token);
    const rttMs = now - ping.sentAt;
    if (this.#rtt.measured(rttMs, now) && ping.full) this.#drain = { untilBytes: this.#sentBytes };
    const heard = { bytes: totalBytes, sentAt: ping.sentAt, heardAt: now };
    // What a beginning shows counts only if it is more than was known; so does what did not use up the budget.
    this.#rate.measured(ping.since, heard, ping.full && !ping.early);
    if (totalBytes > this.#answered.bytes) this.#answered = heard;
    const { leastMs, sumMs, pongs } = this.#round;
    this.#round = { leastMs: Math.min(leastMs, rttMs), sumMs: sumMs + rttMs, pongs: pongs + 1 };
    if (token >= this.#nextRound) this.#endRound(now);
    this.#setLimit();
  }

  /** A round trip of the sender's: all that is measured in it was sent after what was learnt in the one before. */
  #endRound(now: number): void {
    // The shortest, because a queue of ours delays every ping, and an event loop that is late only some.
    const { leastMs, sumMs, pongs } = this.#round;
    const queued = leastMs > this.baseRttMs + this.#leastQueueMs / 2;
    const grew = this.#rate.bytesPerMs > GROWTH * this.#roundBytesPerMs;
    const full = this.#rate.endRound(now);
    if (full && this.#undrained) {
      if (this.#gain === 1) this.#jitterMs += JITTER_WEIGHT * (sumMs / pongs - leastMs - this.#jitterMs);
      if (!queued) this.#gain = Math.max(this.#gain, LATER_GAIN);
      // Bursts queue for a while on a path that is not full yet.
      else if (this.#gain !== FIRST_GAIN || !grew) this.#gain = 1;
    }
    this.#undrained = this.#drain === undefined;
    this.#nextRound = this.#nextToken;
    this.#round = NO_ROUND;
    this.#roundBytesPerMs = this.#rate.bytesPerMs;
  }

  #setLimit(): void {
    const { verified } = this.#rate;
    this.bytesPerMs = verified ? this.#rate.bytesPerMs : 0;
    const least = verified ? LEAST_BUDGET_BYTES : FIRST_BUDGET_BYTES;
    const ms = this.#gain * this.baseRttMs + this.#queueMs;
    this.#limitBytes = Math.max(least, this.#rate.bytesPerMs * ms);
  }

  get #leastQueueMs(): number {
    return Math.max(QUEUE_MS, this.baseRttMs * QUEUE_SHARE);
  }

  /** Word that comes late by chance must not leave the path idle; how much that may cost is bounded. */
  get #queueMs(): number {
    const ms = this.#leastQueueMs;
    return ms + Math.min(MOST_JITTER * ms, this.#jitterMs);
  }

  #goOnDraining(token: number): void {
    if (this.#drain === undefined) return;
    if ("untilToken" in this.#drain) {
      if (token < this.#drain.untilToken) return;
      this.#drain = undefined;
      this.#undrained = false;
    } else if (this.#reportedBytes >= this.#drain.untilBytes)
      this.#drain = { untilToken: this.#nextToken + DRAINED_PINGS - 1 };
  }
}
