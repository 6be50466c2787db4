/** A Redis of one's own, on a unix socket in a folder that goes with it: it may be killed, frozen, filled and asked. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openRedis, type Redis, type RedisReply } from "../../protocol/redis/client.ts";
import { systemClock } from "../../protocol/runtime/clock.ts";

const READY_MS = 60_000;
const LOOK_MS = 2;

export interface RedisServer extends AsyncDisposable {
  readonly path: string;
  /** As `store.shared` has it. */
  readonly url: string;
  /** It does nothing from now on, and its connections stay. */
  freeze(): void;
  thaw(): void;
  /** Resolves when it is gone, with all it had. */
  kill(): Promise<void>;
  /** Another one in its place. */
  start(): Promise<void>;
  ask(...command: [string, ...string[]]): Promise<RedisReply>;
}

/** `program`: the path of redis-server, if it is not to be looked for. `more`: of its command line, such as `--port`. */
export const startRedis = async (
  program = "redis-server",
  more: readonly string[] = [],
): Promise<RedisServer> => {
  const folder = mkdtempSync(join(tmpdir(), "coilgun-redis-"));
  const path = join(folder, "redis.sock");
  let child: ChildProcess | undefined;
  let asking: Redis | undefined;
  const killAtExit = () => child?.kill("SIGKILL");
  process.once("exit", killAtExit);
  const redis: RedisServer = {
    path,
    url: `unix://${path}`,
    freeze: () => void child?.kill("SIGSTOP"),
    thaw: () => void child?.kill("SIGCONT"),
    async kill() {
      if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
      const gone = once(child, "exit");
      child.kill("SIGKILL");
      await gone;
      rmSync(path, { force: true });
    },
    async start() {
      // A file that a sentinel may write in.
      const file = join(folder, "redis.conf");
      writeFileSync(file, "");
      const settings = [file, "--port", "0", "--unixsocket", path, "--save", "", "--dir", folder, ...more];
      child = spawn(program, settings, { stdio: "ignore" });
      await accepts(path, child);
    },
    async ask(...command) {
      asking ??= openRedis(redis.url, { clock: systemClock, name: "rig" });
      const open = asking;
      await systemClock.within(READY_MS, undefined, async (signal) => {
        while (!open.isConnected) await systemClock.sleep(LOOK_MS, signal);
      });
      return open.ask(command[1], command);
    },
    async [Symbol.asyncDispose]() {
      asking?.close();
      await redis.kill();
      process.off("exit", killAtExit);
      rmSync(folder, { recursive: true, force: true });
    },
  };
  try {
    await redis.start();
    return redis;
  } catch (error) {
    await redis[Symbol.asyncDispose]();
    throw error;
  }
};

/** Rejects where the program is missing, or ends. */
const accepts = (path: string, child: ChildProcess): Promise<void> =>
  systemClock.within(READY_MS, undefined, async (signal) => {
    let failure: Error | undefined;
    child.once("error", (error) => {
      failure = new Error(`${child.spawnfile} is needed: apt-get install redis-server`, { cause: error });
    });
    while (!(await connects(path))) {
      if (failure !== undefined) throw failure;
      if (child.exitCode !== null) throw new Error(`${child.spawnfile} ended`);
      await systemClock.sleep(LOOK_MS, signal);
    }
  });

const connects = (path: string): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(path, () => {
      socket.destroy();
      resolve(true);
    }).once("error", () => resolve(false));
  });
