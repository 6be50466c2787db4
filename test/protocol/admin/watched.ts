/** A daemon that only shows things of itself, behind an admin listener. */
import { type AdminDuties, Answers } from "../../../protocol/admin/answers.ts";
import { Durations } from "../../../protocol/admin/durations.ts";
import { type Admin, serveAdmin } from "../../../protocol/admin/serve-admin.ts";
import type { Watched } from "../../../protocol/admin/status.ts";
import { Traffic } from "../../../protocol/admin/traffic.ts";
import type { AdminListen } from "../../../protocol/config/admin-settings.ts";
import { type Clock, systemClock } from "../../../protocol/runtime/clock.ts";

export const watchedOf = (over: Partial<Watched> = {}): Watched => {
  const { clock = systemClock } = over;
  const linkBytes = () => ({ sent: 30, received: 40 });
  return {
    side: "edge",
    clock,
    traffic: new Traffic({ clock, linkBytes }),
    durations: new Durations(),
    hostMetrics: false,
    readiness: () => ({ ready: true, reasons: [] }),
    links: () => [
      {
        key: "k",
        address: "10.0.0.7",
        state: "up",
        upSeconds: 125,
        roundTripMs: 12.5,
        program: "1.2.3",
        clockAheadMs: 40,
        streams: 3,
        sentBytes: 30,
        receivedBytes: 40,
      },
    ],
    dials: () => [],
    hosts: () => [["www.example.com", 1]],
    store: () => ({
      bytes: 1_048_576,
      mostBytes: 268_435_456,
      versions: 7,
      evicted: 2,
      expired: 1,
      tiers: [],
    }),
    queue: () => 0,
    redials: () => 0,
    linkBytes,
    refused: () => [["limits.visitors", 5]],
    ...over,
  };
};

export const PROGRAM = { name: "coilgun-edge", version: "1.2.3", startedAt: 0, events: () => [] };

export const serveAt = async (
  listen: readonly AdminListen[],
  options: { readonly clock?: Clock; readonly watched?: Watched; readonly duties?: AdminDuties } = {},
): Promise<{ readonly admin: Admin; readonly told: readonly string[] }> => {
  const { clock = systemClock, watched = watchedOf({ clock }), duties = {} } = options;
  const told: string[] = [];
  const tell = (event: string) => told.push(event);
  const admin = await serveAdmin({
    program: PROGRAM.name,
    listen,
    answers: new Answers(watched, PROGRAM),
    duties,
    clock,
    log: { info: tell, warn: tell },
  });
  return { admin, told };
};
