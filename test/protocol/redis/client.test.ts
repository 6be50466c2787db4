/** What is said of a server that refuses: its reason, and never the password, though the server repeats it. */
import { createServer } from "node:net";
import { expect, it } from "vitest";
import { listenOnLoopback } from "../../../bench/rig/loopback.ts";
import { openRedis } from "../../../protocol/redis/client.ts";
import { systemClock } from "../../../protocol/runtime/clock.ts";
import { reached } from "../../kit/until.ts";

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
