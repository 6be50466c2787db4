/**
 * Fails a test file that leaves sockets, servers, child processes or timers behind. Call `watchLeaks()` once at the top
 * of the file. Closing takes some turns of the event loop, so those are given; nothing sleeps.
 */
import { afterAll, beforeAll, expect } from "vitest";
import { settle } from "./fake-clock.ts";

/** What keeps a process alive and is a test's own doing; the runner's pipes and ports are not in it. */
const WATCHED = ["TCPSocketWrap", "TCPServerWrap", "TLSWrap", "ProcessWrap", "UDPWrap", "Timeout"] as const;

/** Enough for every close on loopback; only a leak uses them all. */
const MOST_TURNS = 20_000;

type Counts = Readonly<Record<string, number>>;

/** How many of each watched resource are open in this process. */
export const openResources = (): Counts => {
  const open = process.getActiveResourcesInfo();
  return Object.fromEntries(WATCHED.map((kind) => [kind, open.filter((name) => name === kind).length]));
};

/** What is open beyond `before`, by kind. */
export const leakedSince = (before: Counts): Counts =>
  Object.fromEntries(
    Object.entries(openResources())
      .map(([kind, count]) => [kind, count - (before[kind] ?? 0)] as const)
      .filter(([, extra]) => extra > 0),
  );

/** Waits, turn by turn, until nothing is open beyond `before`; returns what still is. */
export const settledLeaks = async (before: Counts): Promise<Counts> => {
  let leaked = leakedSince(before);
  for (let turn = 0; turn < MOST_TURNS && Object.keys(leaked).length > 0; turn++) {
    await settle();
    leaked = leakedSince(before);
  }
  return leaked;
};

/** Registers the check for the file that calls it. */
export const watchLeaks = (): void => {
  let before: Counts = {};
  beforeAll(() => {
    before = openResources();
  });
  afterAll(async () => {
    expect(await settledLeaks(before), "left open by this test file").toEqual({});
  });
};
