/** A server that is no program of ours, such as nginx, run for one test. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { systemClock } from "../../protocol/runtime/clock.ts";

const START_MS = 20_000;
/** Nothing tells when another program listens. */
const LOOK_MS = 20;

/** Resolves when it listens at the port; rejects with what it said where it does not. */
export const startOutside = async (
  path: string,
  args: readonly string[],
  port: number,
): Promise<AsyncDisposable> => {
  const child = spawn(path, args, { stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (piece: string) => {
    said += piece;
  });
  const isRunning = () => child.exitCode === null && child.signalCode === null;
  const stop = async () => {
    if (!isRunning()) return;
    // nginx leaves its workers behind when it is killed.
    child.kill("SIGTERM");
    await once(child, "exit");
  };
  const end = systemClock.now() + START_MS;
  while (!(await listens(port))) {
    if (isRunning() && systemClock.now() < end) await systemClock.sleep(LOOK_MS);
    else {
      await stop();
      throw new Error(`${path} does not listen: ${said}`);
    }
  }
  return { [Symbol.asyncDispose]: stop };
};

const listens = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1")
      .on("connect", () => resolve(true))
      .on("error", () => resolve(false))
      .on("close", () => socket.destroy());
    socket.on("connect", () => socket.end());
  });
