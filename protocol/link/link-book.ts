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
  readonly streams: number;
  readonly sentBytes: number;
  readonly receivedBytes: number;
}

export class LinkBook {
  readonly #clock: Clock;
  /** And since when. */
  readonly #up = new Map<Link, number>();
  #sent = 0;
  #received = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  up(link: Link): void {
    this.#up.set(link, this.#clock.now());
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
    return Array.from(this.#up, ([link, since]) => {
      const { rttMs, sentBytes, receivedBytes } = link.vitals;
      return {
        key: link.keyId,
        address: link.peerAddress,
        state: stateOf(link),
        upSeconds: Math.floor((this.#clock.now() - since) / 1_000),
        roundTripMs: rttMs === 0 ? null : Math.round(rttMs * 100) / 100,
        streams: link.load,
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
