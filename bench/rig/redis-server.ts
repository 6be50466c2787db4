/** A Redis of a measurement's own, on a unix socket, with nothing on disk. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { openRedis } from "../../protocol/redis/client.ts";
import type { Clock } from "../../protocol/runtime/clock.ts";

export interface RedisServer {
  /** As settings name it. */
  readonly url: string;
  /** Ends it at once, with all it had. */
  kill(): Promise<void>;
}

/** Rejects where there is no redis-server. `folder`: where its socket is. */
export const startRedisServer = async (folder: string, clock: Clock): Promise<RedisServer> => {
  const path = join(folder, "redis.sock");
  const child = spawn("redis-server", ["--port", "0", "--unixsocket", path, "--save", "", "--dir", folder], {
    stdio: "ignore",
  });
  const killAtExit = () => child.kill("SIGKILL");
  process.once("exit", killAtExit);
  const ended = once(child, "exit");
  await once(child, "spawn").catch(() => {
    throw new Error("there is no redis-server here; install it: apt-get install redis-server");
  });
  const url = `unix://${path}`;
  const { promise: accepts, resolve } = Promise.withResolvers<void>();
  const asking = openRedis(url, { clock, name: "bench", changed: (isConnected) => isConnected && resolve() });
  // A connection that waits to be tried again keeps no process.
  const keeper = new MessageChannel();
  keeper.port1.ref();
  await accepts;
  keeper.port1.close();
  asking.close();
  return {
    url,
    async kill() {
      process.off("exit", killAtExit);
      child.kill("SIGKILL");
      await ended;
    },
  };
};
