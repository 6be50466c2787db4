/** A Redis of a test's own, on a unix socket in a folder that goes with it: it may be killed, frozen, filled and asked. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openRedis, type Redis, type RedisReply } from "../../protocol/redis/client.ts";
import { systemClock } from "../../protocol/runtime/clock.ts";
import { until } from "./until.ts";

export interface TestRedis extends AsyncDisposable {
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

/** `program`: the path of redis-server. */
export const startRedis = async (program: string): Promise<TestRedis> => {
  const folder = mkdtempSync(join(tmpdir(), "coilgun-redis-"));
  const path = join(folder, "redis.sock");
  let child: ChildProcess | undefined;
  let asking: Redis | undefined;
  const killAtExit = () => child?.kill("SIGKILL");
  process.once("exit", killAtExit);
  const redis: TestRedis = {
    path,
    url: `unix://${path}`,
    freeze: () => void child?.kill("SIGSTOP"),
    thaw: () => void child?.kill("SIGCONT"),
    async kill() {
      if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
      const gone = once(child, "exit");
      child.kill("SIGKILL");
      await gone;
      rmSync(path, { force: true });
    },
    async start() {
      const settings = ["--port", "0", "--unixsocket", path, "--save", "", "--dir", folder];
      child = spawn(program, settings, { stdio: "ignore" });
      await accepts(path);
    },
    async ask(...command) {
      asking ??= openRedis(redis.url, { clock: systemClock, name: "test" });
      const open = asking;
      await until(() => open.isConnected, "the test's Redis");
      return open.ask(command[1], command);
    },
    async [Symbol.asyncDispose]() {
      asking?.close();
      await redis.kill();
      process.off("exit", killAtExit);
      rmSync(folder, { recursive: true, force: true });
    },
  };
  await redis.start();
  return redis;
};

const accepts = async (path: string): Promise<void> => {
  let accepted = false;
  await until(() => {
    const socket = connect(path, () => {
      accepted = true;
      socket.destroy();
    }).on("error", () => undefined);
    return accepted;
  }, "a Redis that accepts connections");
};
