/**
 * Commands that hold children and sockets: Ctrl-C, SIGTERM and a closed terminal become a signal that unwinds them, so that nothing is
 * left running, and an error becomes one line for a person.
 */
import { CommanderError } from "commander";
import { EXIT } from "../../protocol/daemon/cli.ts";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** As shells report it: 128 + SIGINT. */
const INTERRUPTED_EXIT_CODE = 130;

/** Runs `run` and sets the exit code to what it resolves with; when it rejects, 2 for a word that was not understood, else 1; 130 when it was interrupted. */
export async function interruptible(run: (signal: AbortSignal) => Promise<number>): Promise<void> {
  const interrupted = new AbortController();
  const stop = () => interrupted.abort(new Error("interrupted"));
  for (const name of SIGNALS) process.on(name, stop);
  // The clock's timers keep no process alive, and a command may wait for nothing else.
  const { port1: alive } = new MessageChannel();
  alive.ref();
  try {
    process.exitCode = await run(interrupted.signal);
  } catch (error) {
    if (interrupted.signal.aborted) {
      process.exitCode = INTERRUPTED_EXIT_CODE;
    } else {
      process.stderr.write(`coilgun-bench: ${error instanceof Error ? error.message : error}\n`);
      process.exitCode = error instanceof CommanderError ? EXIT.notUnderstood : EXIT.failed;
    }
  } finally {
    alive.close();
    for (const name of SIGNALS) process.off(name, stop);
  }
}
