/**
 * The faults of a soak. Each runs until what it does is over and returns then; `graceMs` is how long after that moment it still
 * counts as the cause of what fails. The seconds from its beginning to the end of the grace are the fault's own.
 */
import { symlinkSync, unlinkSync } from "node:fs";
import type { Chance } from "../../bench/demo-site/chance.ts";
import type { FaultyRelay, RelayedConnection } from "../../bench/rig/faulty-relay.ts";
import type { RealDaemon } from "../kit/real-daemons.ts";
import type { SoakSite } from "./site.ts";

export type Side = "edge-side" | "origin-side";

export interface Stage {
  readonly relay: FaultyRelay;
  readonly site: SoakSite;
  readonly chance: Chance;
  /** Rejects when the soak is ended before its time. */
  sleep(ms: number): Promise<void>;
  /** What resolves, or rejects when the soak is ended before its time. */
  awaited(event: Promise<unknown>): Promise<unknown>;
  daemon(side: Side): RealDaemon;
  /** Ends it by this signal and starts it anew; resolves when the new one is ready. */
  restart(side: Side, signal: NodeJS.Signals): Promise<void>;
  /** Writes the config file of both anew, with something changed, and has them read it. */
  reload(): Promise<void>;
  /** The file that stands as access log is a link to another one. */
  readonly accessLog: { readonly link: string; readonly file: string };
}

export interface Fault {
  readonly run: (stage: Stage) => Promise<void>;
  /** Undefined: nothing may fail because of it, not even while it lasts. */
  readonly graceMs: number | undefined;
  /** A process is another one after it. */
  readonly restarts?: boolean;
}

/** By rule a silent link is given up after 5 s, looked at twice a second. */
const SILENCE_MS = 6_000;
const BACK_MS = 1_000;

const openOf = ({ relay }: Stage): RelayedConnection[] => relay.connections.filter(({ open }) => open);
const cutAll = (stage: Stage): void => {
  for (const link of openOf(stage)) link.cut();
};
/** For as long as said, to every connection, also those that are made meanwhile. */
const meanwhile = async (
  stage: Stage,
  ms: number,
  begin: (link: RelayedConnection) => void,
  end: (link: RelayedConnection) => void,
): Promise<void> => {
  const harmed: RelayedConnection[] = [];
  const harm = (link: RelayedConnection) => {
    harmed.push(link);
    begin(link);
  };
  openOf(stage).forEach(harm);
  stage.relay.connected = harm;
  await stage.sleep(ms);
  stage.relay.connected = () => {};
  harmed.forEach(end);
};
const restart = (side: Side, signal: NodeJS.Signals): Fault => ({
  graceMs: BACK_MS,
  restarts: true,
  run: (stage) => stage.restart(side, signal),
});
const outage = (dials: "refuse" | "swallow"): Fault => ({
  graceMs: BACK_MS,
  async run(stage) {
    stage.relay.dials = dials;
    for (const link of openOf(stage)) dials === "refuse" ? link.cut() : link.swallow();
    await stage.sleep(5_000);
    stage.relay.dials = "pass";
  },
});

export const FAULTS = {
  "one of two links is silent": {
    graceMs: SILENCE_MS,
    async run(stage) {
      stage.chance.pick(openOf(stage) as [RelayedConnection]).swallow();
    },
  },
  "both links are silent": {
    graceMs: SILENCE_MS,
    async run(stage) {
      for (const link of openOf(stage)) link.swallow();
    },
  },
  "one direction is lost": {
    graceMs: SILENCE_MS,
    async run(stage) {
      const direction = stage.chance.pick<"toEdge" | "toOrigin">(["toEdge", "toOrigin"]);
      for (const link of openOf(stage)) link[direction].lose();
    },
  },
  "links are cut each 5 s": {
    graceMs: BACK_MS,
    async run(stage) {
      cutAll(stage);
      for (let n = 0; n < 2; n++) {
        await stage.sleep(5_000);
        cutAll(stage);
      }
    },
  },
  "links are cut within a frame": {
    graceMs: 2 * BACK_MS,
    async run(stage) {
      const links = openOf(stage);
      for (const { toEdge, toOrigin } of links) {
        toEdge.cutAfterBytes(stage.chance.between(1, 40_000));
        toOrigin.cutAfterBytes(stage.chance.between(1, 20_000));
      }
      await stage.awaited(Promise.all(links.map(({ closed }) => closed)));
    },
  },
  "outage, dials are refused": outage("refuse"),
  "outage, dials are not answered": outage("swallow"),
  "bits are flipped": {
    graceMs: BACK_MS,
    run: (stage) =>
      meanwhile(
        stage,
        4_000,
        ({ toEdge, toOrigin }) => {
          toEdge.flip(50_000, stage.chance.next);
          toOrigin.flip(20_000, stage.chance.next);
        },
        ({ toEdge, toOrigin }) => {
          toEdge.flip(Number.POSITIVE_INFINITY, stage.chance.next);
          toOrigin.flip(Number.POSITIVE_INFINITY, stage.chance.next);
        },
      ),
  },
  "slow and uneven links": {
    graceMs: undefined,
    run: (stage) =>
      meanwhile(
        stage,
        5_000,
        ({ toEdge, toOrigin }) => {
          const delayMs = stage.chance.between(5, 150);
          toEdge.slow({ delayMs, bytesPerSecond: 200_000 });
          toOrigin.slow({ delayMs, bytesPerSecond: 500_000 });
        },
        ({ toEdge, toOrigin }) => {
          toEdge.slow({});
          toOrigin.slow({});
        },
      ),
  },
  "stop and go": {
    graceMs: undefined,
    async run(stage) {
      for (let n = 0; n < 4; n++) {
        const links = openOf(stage);
        for (const { toEdge, toOrigin } of links) {
          toEdge.stall();
          toOrigin.stall();
        }
        await stage.sleep(stage.chance.between(100, 900));
        for (const { toEdge, toOrigin } of links) {
          toEdge.resume();
          toOrigin.resume();
        }
        await stage.sleep(stage.chance.between(100, 400));
      }
    },
  },
  "web server restarts": {
    graceMs: BACK_MS,
    async run({ site, sleep }) {
      await site.close();
      await sleep(1_500);
      await site.open();
    },
  },
  "both read their config again": { graceMs: undefined, run: (stage) => stage.reload() },
  "the disk of the access log is full": {
    graceMs: undefined,
    async run({ accessLog: { link, file }, daemon, sleep }) {
      for (const target of ["/dev/full", file]) {
        unlinkSync(link);
        symlinkSync(target, link);
        daemon("edge-side").signal("SIGUSR1");
        await sleep(2_000);
      }
    },
  },
  "edge restarts, SIGTERM": restart("edge-side", "SIGTERM"),
  "edge restarts, SIGKILL": restart("edge-side", "SIGKILL"),
  "origin side restarts, SIGTERM": restart("origin-side", "SIGTERM"),
  "origin side restarts, SIGKILL": restart("origin-side", "SIGKILL"),
} as const satisfies Readonly<Record<string, Fault>>;

export type FaultName = keyof typeof FAULTS;
export const FAULT_NAMES = Object.keys(FAULTS) as FaultName[];
