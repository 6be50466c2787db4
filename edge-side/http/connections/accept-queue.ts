/**
 * Connections that the system has made with visitors and nobody has accepted yet. Closing their port resets them, and a balancer in front,
 * whose request is on its way by then, may not ask elsewhere (listen(2), RFC 9293 section 3.10.4).
 */
import type { EventEmitter } from "node:events";
import { setImmediate as turn } from "node:timers/promises";
import type { Log } from "../../../protocol/daemon/log.ts";
import type { Clock } from "../../../protocol/runtime/clock.ts";

/** Longest wait: where more come than are accepted, a balancer that asks whether the edge is ready has noticed by then. @internal */
export const ACCEPT_MS = 5_000;
/** Of the event loop; what was answered in a longer one may have brought more connections since. @internal */
export const SHORT_TURN_MS = 0.5;

export interface AcceptOptions {
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Resolves at the end of the first short turn of the event loop that brought no connection, after ACCEPT_MS or at
 * `signal` at the latest.
 */
export const acceptQueued = async (
  server: Pick<EventEmitter, "on" | "off">,
  { clock, log }: AcceptOptions,
  signal: AbortSignal,
): Promise<void> => {
  let brought = 0;
  const count = () => {
    brought++;
  };
  server.on("connection", count);
  const stopped = clock.now();
  let isEmpty = false;
  await turn(); // This one may have looked at the port before.
  while (!isEmpty && !signal.aborted) {
    const since = clock.now();
    if (since - stopped >= ACCEPT_MS) {
      log.warn("port closed while visitors kept coming", { limit: "ACCEPT_MS" });
      break;
    }
    brought = 0;
    await turn();
    isEmpty = brought === 0 && clock.now() - since <= SHORT_TURN_MS;
  }
  server.off("connection", count);
};
