/**
 * Waiting for what happens outside the event loop's own turns: sockets, the thread pool, other processes. Turn by turn at first, then
 * at each millisecond, then each ten, so that a long wait leaves the processor to what is waited for; the bound only turns a hang into a failure that
 * says what was waited for.
 */
import { systemClock } from "../../protocol/runtime/clock.ts";
import { settle } from "./fake-clock.ts";

/** Less than the time limit of a test, whose failure would not say what was waited for. */
const MOST_MS = 120_000;
/** Turns without a pause: what this process does by itself is over by then, and more of them would only take the processor from the rest. */
const BUSY_TURNS = 20;
const PAUSE_MS = 1;
/** From then on a wait is for something slow, such as the start of a process: it is looked for ten times as seldom. */
const LONG_TURNS = BUSY_TURNS + 100;
const LONG_PAUSE_MS = 10;
/** Pauses without change after which nothing more is expected to happen: more of them, not less time, where this process is kept waiting. */
const STILL_PAUSES = 101;

export const until = async (met: () => boolean, what = "it"): Promise<void> => {
  const end = performance.now() + MOST_MS;
  for (let turn = 0; !met(); turn++) {
    if (performance.now() > end) throw new Error(`${what} did not come to be`);
    await nextTurn(turn);
  }
};

const nextTurn = (turn: number): Promise<void> =>
  turn < BUSY_TURNS ? settle() : systemClock.sleep(turn < LONG_TURNS ? PAUSE_MS : LONG_PAUSE_MS);

/** The element number `count` (from 1) of a list that grows, when it is there. */
export const reached = async <T>(list: readonly T[], count: number): Promise<T> => {
  await until(() => list.length >= count, `number ${count} of the list`);
  return list[count - 1] as T;
};

/** Turns of the event loop in which all that is not in the thread pool or a socket has long happened. */
const QUIET_TURNS = 50;

/** Resolves when nothing is under way in the thread pool, and `measure` has not changed since. */
export const quiet = async (measure: () => number, underWay: () => number): Promise<void> => {
  let last = measure();
  for (let turns = 0; turns < QUIET_TURNS; turns++) {
    await settle();
    const current = measure();
    if (current !== last || underWay() > 0) turns = 0;
    last = current;
  }
};

/** Resolves when `measure` has not changed for a good while. */
export const stillness = async (measure: () => number): Promise<number> => {
  let last = measure();
  for (let turns = 0; turns < BUSY_TURNS + STILL_PAUSES; turns++) {
    await nextTurn(turns);
    const current = measure();
    if (current !== last) turns = 0;
    last = current;
  }
  return last;
};

/** Whether `measure` changes, at once when it does; false when it has not for a good while. */
export const changes = async (measure: () => number): Promise<boolean> => {
  const first = measure();
  for (let turns = 0; turns < BUSY_TURNS + STILL_PAUSES && measure() === first; turns++)
    await nextTurn(turns);
  return measure() !== first;
};

/** Resolves when turns of the event loop have passed in which what is due, and what it causes over sockets of loopback, has happened. */
export const settledWork = async (): Promise<void> => {
  for (let turn = 0; turn < QUIET_TURNS; turn++) await settle();
};
