/**
 * POSTs through the pair to a web server that closes a connection after a second of rest, and does not say so. Each is sent about a
 * second after the one before. A request that comes on a connection in the last moments of its rest meets the closing: it is never
 * answered. None may be repeated, so it would be 502.
 */
import { once } from "node:events";
import { Agent, createServer, request } from "node:http";
import type { Socket } from "node:net";
import { buffer } from "node:stream/consumers";
import { parseHostPort } from "../../protocol/config/units.ts";
import type { Clock, Timer } from "../../protocol/runtime/clock.ts";
import { startPair } from "../rig/daemon-pair.ts";
import { listenOnLoopback } from "../rig/loopback.ts";

const HOST = "closing.bench.test";
const REST_MS = 1_000;
/** What comes later on a connection crosses with its closing. */
const CROSSING_MS = 800;
const VISITORS = 20;
/** From visitor to visitor, around the moment of the closing. */
const STEP_MS = 4;

export interface ClosingReport {
  readonly posts: number;
  /** Those that were not answered with 200. */
  readonly failed: number;
}

/** `rounds`: POSTs of each visitor, of whom there are twenty. */
export async function measureClosing({
  clock,
  signal,
  rounds,
}: {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly rounds: number;
}): Promise<ClosingReport> {
  await using undo = new AsyncDisposableStack();
  const origin = await startClosingServer(clock, undo);
  const pair = await startPair({
    routes: [{ host: HOST, origin }],
    clock,
    signal,
    settings: { edge: { accessLog: "off" }, origin: { accessLog: "off" } },
  });
  undo.defer(() => pair.stop());
  const agent = new Agent({ keepAlive: true });
  undo.defer(() => agent.destroy());
  const post = async (): Promise<number | undefined> => {
    const headers = { Host: HOST, "Content-Type": "text/plain" };
    const options = { ...parseHostPort(pair.visitors), method: "POST", headers, agent, signal };
    const [response] = await once(request(options).end("a form"), "response");
    await buffer(response);
    return response.statusCode;
  };
  let failed = 0;
  await Promise.all(
    Array.from({ length: VISITORS }, async (_, visitor) => {
      for (let round = 0; round < rounds; round++) {
        if ((await post()) !== 200) failed++;
        await clock.sleep(REST_MS + STEP_MS * (visitor - VISITORS / 2), signal);
      }
    }),
  );
  return { posts: VISITORS * rounds, failed };
}

const startClosingServer = async (clock: Clock, undo: AsyncDisposableStack): Promise<string> => {
  const rests = new Map<Socket, { readonly since: number; readonly closing: Timer }>();
  const forget = (socket: Socket) => {
    rests.get(socket)?.closing.cancel();
    rests.delete(socket);
  };
  const server = createServer((asked, response) => {
    const { socket } = asked;
    const rest = rests.get(socket);
    forget(socket);
    if (rest !== undefined && clock.now() - rest.since > CROSSING_MS) {
      socket.destroy();
      return;
    }
    response.once("finish", () =>
      rests.set(socket, { since: clock.now(), closing: clock.after(REST_MS, () => socket.destroy()) }),
    );
    asked.resume().on("end", () => response.end("taken"));
  });
  server.on("connection", (socket) => socket.once("close", () => forget(socket)));
  // Nor does it say how long a connection may rest.
  server.keepAliveTimeout = 0;
  undo.defer(() => {
    server.close();
    server.closeAllConnections();
  });
  return await listenOnLoopback(server);
};
