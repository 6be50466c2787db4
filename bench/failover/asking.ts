/** Visitors who ask at a steady rate whatever happens to the answers, the web server that they ask, and what came of each request. */
import { once } from "node:events";
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import { buffer } from "node:stream/consumers";
import { parseHostPort } from "../../protocol/config/units.ts";
import type { Clock } from "../../protocol/runtime/clock.ts";
import { listenOnLoopback } from "../rig/loopback.ts";

export const HOST = "failover.bench.test";
const PER_SECOND = 30;
/** The web server takes so long, so that there is always a request under way. */
const PAGE_MS = 20;
/** A POST that is answered only after all that is to be seen. */
const POST_MS = 120_000;
const POST_PATH = "/order";
/** Never answered. */
const HANGING_PATH = "/hanging";
const HANGING_EVERY_MS = 600;
const EVENTS_PATH = "/events";
const EVENT_EVERY_MS = 200;

interface Asked {
  /** Milliseconds since the fault began. */
  readonly from: number;
  readonly until: number;
  /** Status; 0 where the connection ended before a head. */
  readonly status: number;
  /** The body is the one of that request, whole. */
  readonly right: boolean;
}

export interface WebServer {
  readonly address: string;
  /** Of the POST. */
  readonly posts: number;
  /** Ends every connection; dials are refused. */
  stop(): void;
  /** Listens again, at the same address. */
  start(): void;
}

const bodyOf = (target: string | undefined): string => `<p>${target}</p>\n`.repeat(100);

export const startWebServer = async (clock: Clock): Promise<WebServer> => {
  let posts = 0;
  const sendEvents = (response: ServerResponse): void => {
    if (response.destroyed) return;
    response.write("data: something new\n\n");
    clock.after(EVENT_EVERY_MS, () => sendEvents(response));
  };
  const server = createServer((asked, response) => {
    if (asked.url === HANGING_PATH) return;
    if (asked.url === EVENTS_PATH) {
      // nginx gathers a response otherwise.
      response.writeHead(200, { "Content-Type": "text/event-stream", "X-Accel-Buffering": "no" });
      return sendEvents(response);
    }
    if (asked.method === "POST") posts += 1;
    asked.resume().once("end", () => {
      clock.after(asked.method === "POST" ? POST_MS : PAGE_MS, () => {
        response.setHeader("Content-Type", "text/html").end(bodyOf(asked.url));
      });
    });
  });
  const address = await listenOnLoopback(server);
  return {
    address,
    get posts() {
      return posts;
    },
    stop() {
      server.close();
      server.closeAllConnections();
    },
    start: () => void server.listen(parseHostPort(address)),
  };
};

/** One request on a connection of its own. `epoch`: the clock's time from which `from` and `until` count. */
const ask = async (
  address: string,
  { method, path, clock, epoch }: { method: string; path: string; clock: Clock; epoch: number },
): Promise<Asked> => {
  const from = clock.now() - epoch;
  const result = (status: number, right = false): Asked => ({
    from,
    until: clock.now() - epoch,
    status,
    right,
  });
  let status = 0;
  try {
    const options = { ...parseHostPort(address), method, path, headers: { Host: HOST }, agent: false };
    const [response] = (await once(request(options).end(), "response")) as [IncomingMessage];
    status = response.statusCode ?? 0;
    const body = await buffer(response);
    return result(status, status === 200 && body.toString() === bodyOf(path));
  } catch {
    return result(status);
  }
};

/** Asks for what is never answered, again and again until `over`; tells how often, and of how many it came to an end all the same. */
export const keepAskingHanging = async (
  address: string,
  { clock, over }: { readonly clock: Clock; readonly over: AbortSignal },
): Promise<string> => {
  const given = new AbortController();
  let [asked, ended] = [0, 0];
  const hang = async (): Promise<void> => {
    const options = { ...parseHostPort(address), path: HANGING_PATH, headers: { Host: HOST }, agent: false };
    await once(request({ ...options, signal: given.signal }).end(), "response").catch(() => undefined);
    if (!given.signal.aborted) ended++;
  };
  while (!over.aborted) {
    void hang();
    asked++;
    await clock.sleep(HANGING_EVERY_MS, over).catch(() => undefined);
  }
  given.abort();
  return `${asked} hang, ${ended} of them ended`;
};

/** Reads an event stream until `over`; tells whether it lived so long. */
export const keepStream = async (
  address: string,
  { clock, over }: { readonly clock: Clock; readonly over: AbortSignal },
): Promise<string> => {
  const from = clock.now();
  let events = 0;
  try {
    const options = { ...parseHostPort(address), path: EVENTS_PATH, headers: { Host: HOST }, agent: false };
    const [stream] = (await once(request({ ...options, signal: over }).end(), "response")) as [
      IncomingMessage,
    ];
    for await (const piece of stream) events += String(piece).split("data:").length - 1;
  } catch {
    if (over.aborted) return `the stream lived on, ${events} events`;
  }
  return `the stream ended after ${inSeconds(clock.now() - from)} s, ${events} events`;
};

export const inSeconds = (ms: number): string => (ms / 1000).toFixed(2);

export interface AskedAll {
  readonly gets: readonly Asked[];
  /** One that was under way when the fault began. */
  readonly post: Asked | undefined;
}

/** Asks for a second, lets `harm` begin, goes on for `seconds`, and waits for what is still under way. */
export const askMeanwhile = async (
  address: string,
  {
    clock,
    signal,
    seconds,
    posts,
    harmed,
  }: { clock: Clock; signal: AbortSignal; seconds: number; posts: boolean; harmed: Promise<number> },
): Promise<AskedAll> => {
  // Counted from the fault, which comes later than the first of them.
  const began = clock.now();
  let epoch: number | undefined;
  void harmed.then((at) => {
    epoch = at;
  });
  const under: Promise<Asked>[] = [];
  const post = posts ? ask(address, { method: "POST", path: POST_PATH, clock, epoch: began }) : undefined;
  for (let n = 0; epoch === undefined || clock.now() < epoch + seconds * 1000; n++) {
    under.push(ask(address, { method: "GET", path: `/page?${n}`, clock, epoch: began }));
    await clock.sleep(Math.max(0, (1000 * (n + 1)) / PER_SECOND + began - clock.now()), signal);
  }
  const shift = (await harmed) - began;
  const since = (asked: Asked): Asked => ({ ...asked, from: asked.from - shift, until: asked.until - shift });
  const postAsked = await post;
  return {
    gets: (await Promise.all(under)).map(since),
    post: postAsked && since(postAsked),
  };
};
