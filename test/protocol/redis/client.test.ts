/** What is said of a server that refuses: its reason, and never the password, though the server repeats it. */
import { createServer } from "node:net";
import { expect, it } from "vitest";
import { listenOnLoopback } from "../../../bench/rig/loopback.ts";
import { openRedis } from "../../../protocol/redis/client.ts";
import { systemClock } from "../../../protocol/runtime/clock.ts";
import { HastyClock } from "../../kit/hasty-clock.ts";
import { reached, until } from "../../kit/until.ts";

const SECRET = "s3cret-word";

it("says why it is not connected, without the password", async () => {
  const server = createServer((socket) => {
    socket.on("error", () => undefined).on("data", () => socket.write(`-WRONGPASS ${SECRET} is refused\r\n`));
  });
  const address = await listenOnLoopback(server);
  const said: (string | undefined)[] = [];
  const redis = openRedis(`redis://user:${SECRET}@${address}`, {
    clock: systemClock,
    name: "test",
    changed: (_, why) => said.push(why),
  });
  const why = await reached(said, 1);
  expect(why).toBe("WRONGPASS [secret] is refused");
  const failure: unknown = await redis.ask("a", ["GET", "a"]).catch((error: unknown) => error);
  expect(String(failure)).not.toContain(SECRET);
  redis.close();
  server.close();
});

it("says once that it may not listen, though it comes in each time", async () => {
  let tries = 0;
  const server = createServer((socket) => {
    socket
      .on("error", () => undefined)
      .on("data", (bytes) => {
        for (const [, command = ""] of bytes.toString("latin1").matchAll(/\*\d+\r\n\$\d+\r\n(\w+)/g)) {
          if (command.toUpperCase() === "SUBSCRIBE") tries++;
          socket.write(ANSWERS[command.toUpperCase()] ?? "+OK\r\n");
        }
      });
  });
  const said: (string | undefined)[] = [];
  const redis = openRedis(`redis://${await listenOnLoopback(server)}`, {
    clock: new HastyClock(20),
    name: "test",
    changed: (_, why) => said.push(why),
  });
  redis.subscribe("news", () => undefined);
  await until(() => tries === 4, "a fourth try");
  expect(said).toEqual(["NOPERM it may not"]);
  redis.close();
  server.close();
});

const ANSWERS: Readonly<Record<string, string>> = {
  HELLO: "%1\r\n+proto\r\n:3\r\n",
  SUBSCRIBE: "-NOPERM it may not\r\n",
};
