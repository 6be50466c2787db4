/** What happens to the network between the two sides, and for how long it is looked at. */
import type { Clock } from "../../protocol/runtime/clock.ts";
import type { FaultyRelay } from "../rig/faulty-relay.ts";

export interface Scene {
  readonly name: string;
  /** From the beginning of the fault: so long requests begin. */
  readonly seconds: number;
  /** Beside the requests a POST is under way. */
  readonly post: boolean;
  /** Resolves when dials would be answered again; at once where they are all the time. */
  harm(relay: FaultyRelay, clock: Clock, signal: AbortSignal): Promise<void>;
}

const FLAPS = 4;
const FLAP_MS = 5_000;
/** Seconds that a scene goes on after its fault is over. */
const AFTER_SECONDS = 8;

const openOf = ({ connections }: FaultyRelay) => connections.filter(({ open }) => open);
const swallow = (relay: FaultyRelay, most = Number.POSITIVE_INFINITY): void => {
  for (const link of openOf(relay).slice(0, most)) link.swallow();
};

const SILENT: Scene = {
  name: "all links silent",
  seconds: AFTER_SECONDS,
  post: true,
  harm: async (relay) => swallow(relay),
};

const ONE_SILENT: Scene = {
  name: "one of two links silent",
  seconds: AFTER_SECONDS,
  post: true,
  harm: async (relay) => swallow(relay, 1),
};

const FLAPPING: Scene = {
  name: "links cut each 5 s",
  seconds: ((FLAPS - 1) * FLAP_MS) / 1000 + AFTER_SECONDS,
  post: false,
  async harm(relay, clock, signal) {
    for (let n = 0; n < FLAPS; n++) {
      if (n > 0) await clock.sleep(FLAP_MS, signal);
      for (const link of openOf(relay)) link.cut();
    }
  },
};

/** Connections end, and dials are refused, for so many seconds. */
export const outageOf = (seconds: number): Scene => ({
  name: `no network for ${seconds} s`,
  seconds: seconds + AFTER_SECONDS,
  post: false,
  async harm(relay, clock, signal) {
    relay.dials = "refuse";
    for (const link of openOf(relay)) link.cut();
    await clock.sleep(seconds * 1000, signal);
    relay.dials = "pass";
  },
});

export const SCENES: readonly Scene[] = [SILENT, ONE_SILENT, FLAPPING, outageOf(5)];
/** What a proxy before a web server meets too. */
export const PEER_SCENES: readonly Scene[] = [SILENT];
