/**
 * A program: the other visitor of `coilgun-bench crumbs`, who asks for a small page again and again. Its own process, so that it waits
 * for the daemons alone, and not for whoever makes the crumbs.
 */
import { systemClock as clock } from "../../protocol/runtime/clock.ts";
import { answerQuestions } from "./child-channel.ts";
import { onePage } from "./crumbs-visit.ts";
import { runProgram } from "./program.ts";

export interface BystanderSettings {
  /** Of the edge, host:port. */
  readonly address: string;
}

/** Between two pages. */
const EVERY_MS = 20;

/** Asks until it has been asked to stop; resolves with the longest wait in milliseconds. */
const longestWait = async (address: string, signal: AbortSignal): Promise<number> => {
  for (let longestMs = 0; ; ) {
    const from = clock.now();
    await onePage(address);
    longestMs = Math.max(longestMs, clock.now() - from);
    if (signal.aborted) return longestMs;
    await clock.sleep(EVERY_MS, signal).catch(() => undefined);
  }
};

const done = new AbortController();
const waiting = Promise.withResolvers<number>();
// Heard when it is asked for, unless the crumbs fail first.
waiting.promise.catch(() => undefined);

answerQuestions("longest wait", () => {
  done.abort();
  return waiting.promise;
});

runProgram(async ({ address }: BystanderSettings) => {
  // Its own code is compiled by then.
  await onePage(address);
  waiting.resolve(longestWait(address, done.signal));
  return "";
});
