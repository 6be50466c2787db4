/** The links of a daemon for whoever looks at it: those that are up, and what all there ever were have carried. */
import type { Clock } from "../runtime/clock.ts";
import type { Link } from "./link-api.ts";

/** What is shown of a link that is up. */
interface LinkState {
  readonly key: string;
  readonly address: string;
  readonly state: "up" | "silent" | "draining";
  readonly upSeconds: number;
  /** Null: not measured yet. */
  readonly roundTripMs: number | null;
  /** Of the peer's program; null: it does not say. */
  readonly program: string | null;
  /** By how much the peer's clock is ahead of ours, to within a round trip; null: it does not say. */
  readonly clockAheadMs: number | null;
  readonly streams: number;
  readonly sentBytes: number;
  readonly receivedBytes: number;
}

export class LinkBook {
  readonly #clock: Clock;
  /** Since when, and what the peer's clock said then if its hello took no time. */
  readonly #up = new Map<Link, { readonly since: number; readonly today: number | undefined }>();
  #sent = 0;
  #received = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  up(link: Link): void {
    this.#up.set(link, { since: this.#clock.now(), today: link.peer.today });
  }

  /** Nothing for one that never was up. */
  down(link: Link): void {
    if (!this.#up.delete(link)) return;
    this.#sent += link.vitals.sentBytes;
    this.#received += link.vitals.receivedBytes;
  }

  /** Of messages, without what TLS and TCP add. */
  get bytes(): { readonly sent: number; readonly received: number } {
    let [sent, received] = [this.#sent, this.#received];
    for (const { vitals } of this.#up.keys()) {
      sent += vitals.sentBytes;
      received += vitals.receivedBytes;
    }
    return { sent, received };
  }

  get size(): number {
    return this.#up.size;
  }

  get states(): readonly LinkState[] {
    return Array.from(this.#up, ([link, { since, today }]) => {
      const { rttMs, sentBytes, receivedBytes } = link.vitals;
      const upMs = this.#clock.now() - since;
      // Against our clock as it is now: it may have been put right since the link came up.
      const aheadMs = today === undefined ? undefined : today + upMs - this.#clock.today();
      return {
        key: link.keyId,
        address: link.peerAddress,
        state: stateOf(link),
        upSeconds: Math.floor(upMs / 1_000),
        roundTripMs: rttMs === 0 ? null : Math.round(rttMs * 100) / 100,
        program: link.peer.program ?? null,
        // A hello is half a round trip old when it comes, and up to one and a half when a key has been proved behind it.
        clockAheadMs: aheadMs === undefined ? null : Math.round(aheadMs + rttMs),
        streams: link.underWay,
        sentBytes,
        receivedBytes,
      };
    });
  }
}

const stateOf = ({ suspect, draining }: Link): LinkState["state"] => {
  if (draining) return "draining";
  return suspect ? "silent" : "up";
};
