/** How long an edge that stops goes on to accept. */
import { EventEmitter } from "node:events";
import { setImmediate as turn } from "node:timers/promises";
import { expect, it } from "vitest";
import {
  ACCEPT_MS,
  acceptQueued,
  SHORT_TURN_MS,
} from "../../../../edge-side/http/connections/accept-queue.ts";
import { FakeClock } from "../../../kit/fake-clock.ts";
import { HeardLog } from "../../../kit/pair.ts";

/** Each look at it, of which there are two in a turn, finds it later by `stepMs`. */
class SteppingClock extends FakeClock {
  #looks = 0;
  readonly #stepMs: number;

  constructor(stepMs: number) {
    super();
    this.#stepMs = stepMs;
  }

  override now(): number {
    return this.#looks++ * this.#stepMs;
  }
}

const never = new AbortController().signal;

it("ends with a turn that was short and brought nobody", async () => {
  const [log, clock] = [new HeardLog(), new SteppingClock(SHORT_TURN_MS)];
  await acceptQueued(new EventEmitter(), { log, clock }, never);
  expect([log.lines, clock.now()]).toEqual([[], 3 * SHORT_TURN_MS]);
});

it("goes on after longer turns, for ACCEPT_MS at most, and says so", async () => {
  const [log, clock] = [new HeardLog(), new SteppingClock(ACCEPT_MS / 9)];
  await acceptQueued(new EventEmitter(), { log, clock }, never);
  // Since it was told to stop: after one step, three, five, seven; the fifth turn would begin at its end.
  expect(clock.now()).toBe(ACCEPT_MS + ACCEPT_MS / 9);
  expect(log.lines).toEqual([
    { level: "warn", event: "port closed while visitors kept coming", fields: { limit: "ACCEPT_MS" } },
  ]);
});

it.each(["they stop to come", "it is told to"])("goes on while visitors come, until %s", async (why) => {
  const [server, log, abort] = [new EventEmitter(), new HeardLog(), new AbortController()];
  let over = false;
  const accepted = acceptQueued(server, { log, clock: new FakeClock() }, abort.signal).then(() => {
    over = true;
  });
  let [comes, turns] = [true, 0];
  for (; comes || !over; await turn()) {
    if (comes) server.emit("connection");
    if (++turns < 50) continue;
    if (turns === 50) expect(over).toBe(false);
    if (why === "it is told to") abort.abort();
    else comes = false;
    comes &&= !over;
  }
  await accepted;
  expect([log.lines, server.listenerCount("connection")]).toEqual([[], 0]);
});
