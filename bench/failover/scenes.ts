/** What happens to the network between the two sides, and for how long it is looked at. */
import type { Clock } from "../../protocol/runtime/clock.ts";
import type { FaultyRelay } from "../rig/faulty-relay.ts";
import { keepAskingHanging, keepStream, type WebServer } from "./asking.ts";

/** What stands between visitors and web server, as far as it can be harmed. */
export interface Harmed {
  readonly relay: FaultyRelay;
  readonly web: WebServer;
  /** Has every program read its configuration again. */
  reload(): void;
  /** Another secret of the key, where there is one; resolves when the old one is gone. */
  rotateKey(): Promise<void>;
}

export interface Scene {
  readonly name: string;
  /** From the beginning of the fault: so long requests begin. */
  readonly seconds: number;
  /** It needs the relay, which a proxy dials in place of the web server then. */
  readonly relayed: boolean;
  /** Beside the requests a POST is under way. */
  readonly post: boolean;
  /** Beside the requests, from before the fault until `over`; resolves with what came of it. */
  beside?(address: string, options: { readonly clock: Clock; readonly over: AbortSignal }): Promise<string>;
  /** Resolves when what was harmed is whole again; at once where nobody mends it. */
  harm(harmed: Harmed, clock: Clock, signal: AbortSignal): Promise<void>;
}

const AWAY_MS = 2_000;
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
  relayed: true,
  post: true,
  harm: async ({ relay }) => swallow(relay),
};

const ONE_SILENT: Scene = {
  name: "one of two links silent",
  seconds: AFTER_SECONDS,
  relayed: true,
  post: true,
  harm: async ({ relay }) => swallow(relay, 1),
};

const FLAPPING: Scene = {
  name: "links cut each 5 s",
  seconds: ((FLAPS - 1) * FLAP_MS) / 1000 + AFTER_SECONDS,
  relayed: true,
  post: false,
  async harm({ relay }, clock, signal) {
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
  relayed: true,
  post: false,
  async harm({ relay }, clock, signal) {
    relay.dials = "refuse";
    for (const link of openOf(relay)) link.cut();
    await clock.sleep(seconds * 1000, signal);
    relay.dials = "pass";
  },
});

const hanging = (perSecond: number, seconds: number): Scene => ({
  name: `one URL hangs, asked for ${perSecond} times a second`,
  seconds,
  relayed: false,
  post: false,
  beside: (address, options) => keepAskingHanging(address, { ...options, everyMs: 1_000 / perSecond }),
  harm: async () => {},
});
/** In the end fewer than one network may have under way at a web server (96 of 128 places), and more than all places. */
const HANGING: readonly Scene[] = [hanging(3, 24), hanging(20, 15)];

const RELOAD: Scene = {
  name: "reload with a stream open",
  seconds: AFTER_SECONDS,
  relayed: false,
  post: false,
  beside: keepStream,
  harm: async ({ reload }) => reload(),
};

const ROTATIONS = 8;
/** So long the new secret alone is valid. */
const ROTATION_MS = 2_000;

const KEY_ROTATED: Scene = {
  name: `secret of the key changed ${ROTATIONS} times`,
  seconds: (2 * ROTATIONS * ROTATION_MS) / 1000 + AFTER_SECONDS,
  relayed: true,
  post: false,
  async harm({ rotateKey }, clock, signal) {
    for (let n = 0; n < ROTATIONS; n++) {
      await rotateKey();
      await clock.sleep(ROTATION_MS, signal);
    }
  },
};

const WEB_SERVER_DIES: Scene = {
  name: "web server away for 2 s",
  seconds: AFTER_SECONDS,
  relayed: false,
  post: false,
  async harm({ web }, clock, signal) {
    web.stop();
    await clock.sleep(AWAY_MS, signal);
    web.start();
  },
};

/** What a proxy before a web server meets too. */
export const PEER_SCENES: readonly Scene[] = [SILENT, ...HANGING, RELOAD, WEB_SERVER_DIES];
export const SCENES: readonly Scene[] = [...PEER_SCENES, ONE_SILENT, FLAPPING, outageOf(5), KEY_ROTATED];
