/**
 * How much may be under way on a link in one direction: sent, and not yet reported as received by the peer. Without this
 * bound the operating system's send buffer, which nobody can look into, swallows megabytes, and a small answer waits
 * seconds behind them. The bound follows twice the bandwidth-delay product, measured by pings whose pongs carry the
 * peer's count. SPEC section "Link budget".
 */

export const LEAST_BUDGET_BYTES = 64 * 1024;
/** Samples remembered for the shortest round trip and the highest rate. */
const SAMPLES = 32;

interface PingUnderWay {
  readonly token: number;
  readonly sentAt: number;
  readonly reportedBytes: number;
}

export class LinkBudget {
  #sentBytes = 0;
  #reportedBytes = 0;
  #ping: PingUnderWay | undefined;
  #nextToken = 1;
  readonly #rttMs: number[] = [];
  readonly #bytesPerMs: number[] = [];
  #limitBytes = LEAST_BUDGET_BYTES;
  #baseRttMs = 0;

  /** Shortest round trip of late, milliseconds; 0 before the first pong. */
  get baseRttMs(): number {
    return this.#baseRttMs;
  }

  get limitBytes(): number {
    return this.#limitBytes;
  }

  /** Bytes that may leave now; below zero when control frames went over. */
  get room(): number {
    return this.#limitBytes - (this.#sentBytes - this.#reportedBytes);
  }

  sent(bytes: number): void {
    this.#sentBytes += bytes;
  }

  /** The peer has taken `totalBytes` since the link began; counts that go back or beyond what was sent are ignored. */
  reported(totalBytes: number): void {
    if (totalBytes > this.#reportedBytes && totalBytes <= this.#sentBytes) this.#reportedBytes = totalBytes;
  }

  /** A token for a ping when one is due: half the budget is unreported, and no ping is on its way. */
  pingDue(now: number): number | undefined {
    const unreported = this.#sentBytes - this.#reportedBytes;
    return this.#ping === undefined && unreported * 2 > this.#limitBytes ? this.startPing(now) : undefined;
  }

  /** A token for a ping in any case. */
  startPing(now: number): number {
    const token = this.#nextToken++;
    this.#ping = { token, sentAt: now, reportedBytes: this.#reportedBytes };
    return token;
  }

  pong(token: number, totalBytes: number, now: number): void {
    this.reported(totalBytes);
    const ping = this.#ping;
    if (ping === undefined || ping.token !== token) return;
    this.#ping = undefined;
    const rttMs = Math.max(now - ping.sentAt, 0.01);
    remember(this.#rttMs, rttMs);
    remember(this.#bytesPerMs, (this.#reportedBytes - ping.reportedBytes) / rttMs);
    this.#baseRttMs = Math.min(...this.#rttMs);
    this.#limitBytes = Math.max(LEAST_BUDGET_BYTES, 2 * Math.max(...this.#bytesPerMs) * this.#baseRttMs);
  }
}

const remember = (samples: number[], sample: number): void => {
  samples.push(sample);
  if (samples.length > SAMPLES) samples.shift();
};
