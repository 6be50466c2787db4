/**
 * Visits of a soak: one visitor asks one thing after another, over HTTP/1.1 or HTTP/2, and says of each what came of it. The oracle is
 * here: a response is right if it is, byte for byte and of the status, what the web server says it sent to this very request.
 */
import { type EventEmitter, once } from "node:events";
import { Agent, type IncomingMessage, request } from "node:http";
import { type ClientHttp2Session, connect } from "node:http2";
import { buffer } from "node:stream/consumers";
import { WebSocket } from "ws";
import type { Chance } from "../../bench/demo-site/chance.ts";
import { undoCoding } from "../../bench/rig/visitor.ts";
import { systemClock } from "../../protocol/runtime/clock.ts";
import { HOST } from "../kit/real-daemons.ts";
import { BODY_DIGEST, digestOf, REQUEST_ID, SERIAL, type SoakSite } from "./site.ts";

/** `refused`: an honest error; `cut`: a body that shows that it is not whole; `unanswered`: the connection ended before a head. */
export const OUTCOMES = ["right", "refused", "cut", "unanswered", "hung", "wrong"] as const;
export type Outcome = (typeof OUTCOMES)[number];

export interface Visited {
  readonly outcome: Outcome;
  readonly what: string;
  readonly why: string;
}

export interface Ports {
  readonly http: number;
  readonly https: number;
  /** PEM, of the authority of the listener with TLS. */
  readonly authority: string;
}

const HUNG_MS = 45_000;
/** Of a WebSocket, each after the answer to the one before: faults find it open. */
const MESSAGES = 20;
const ENCODINGS = ["gzip, deflate, br, zstd", "gzip", "br", "identity"] as const;

interface Asking {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Buffer;
}

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  /** Rejects when it is cut. */
  readonly body: Promise<Buffer>;
}

export class SoakVisitor {
  readonly #ports: Ports;
  readonly #site: SoakSite;
  readonly #chance: Chance;
  readonly #name: string;
  readonly #http2: boolean;
  readonly #agent = new Agent({ keepAlive: true });
  #session: ClientHttp2Session | undefined;
  #count = 0;

  constructor(ports: Ports, site: SoakSite, chance: Chance, name: string, http2: boolean) {
    this.#ports = ports;
    this.#site = site;
    this.#chance = chance;
    this.#name = name;
    this.#http2 = http2;
  }

  async visit(over?: AbortSignal): Promise<Visited> {
    const asking = this.#next();
    const what = `${this.#http2 ? "h2" : "h1"} ${asking.method} ${asking.path}`;
    let asked: Answer | undefined;
    const result = (outcome: Outcome, why = ""): Visited => ({ outcome, what, why });
    try {
      return await systemClock.within(HUNG_MS, over, async (signal) => {
        if (asking.method === "WEBSOCKET") return result(...(await this.#talk(signal)));
        asked = await (this.#http2 ? this.#askHttp2(asking, signal) : this.#askHttp1(asking, signal));
        const body = await asked.body;
        return result(...(await this.#judge(asking, asked, body)));
      });
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      if (error instanceof Error && error.name === "DeadlineError") return result("hung", why);
      return asked === undefined ? result("unanswered", why) : result("cut", `${asked.status}: ${why}`);
    }
  }

  close(): void {
    this.#agent.destroy();
    this.#session?.destroy();
  }

  async #judge(asking: Asking, { status, headers }: Answer, coded: Buffer): Promise<[Outcome, string]> {
    const serial = headers[SERIAL];
    if (serial === undefined) return status >= 500 ? ["refused", `${status}`] : ["wrong", `status ${status}`];
    const sent = this.#site.take(String(serial));
    const body =
      coded.length === 0 ? coded : await undoCoding(coded, headers["content-encoding"] as string | undefined);
    if (sent === undefined) return ["wrong", `${serial} was never sent, or came twice`];
    if (sent.requestId !== asking.headers[REQUEST_ID]) return ["wrong", "another request's answer"];
    if (sent.status !== status) return ["wrong", `status ${status} for ${sent.status}`];
    if (sent.digest !== digestOf(body)) return ["wrong", `${body.length} bytes of body that was not sent`];
    return ["right", ""];
  }

  #next(): Asking {
    const chance = this.#chance;
    const id = `${this.#name}-${++this.#count}`;
    const headers: Record<string, string> = {
      [REQUEST_ID]: id,
      "accept-encoding": chance.pick(ENCODINGS),
      "user-agent": "soak",
    };
    if (chance.between(0, 2) > 0) headers.cookie = `session=${this.#name.padStart(8, "0")}; theme=dark`;
    const get = (path: string, more = {}): Asking => ({
      method: chance.between(1, 8) === 1 ? "HEAD" : "GET",
      path,
      headers: { ...headers, ...more },
    });
    const send = (method: string, path: string, bytes: number): Asking => {
      const body = Buffer.from(chance.hex(bytes));
      const type = {
        "content-type": "application/x-www-form-urlencoded",
        "content-length": `${body.length}`,
      };
      return { method, path, body, headers: { ...headers, ...type, [BODY_DIGEST]: digestOf(body) } };
    };
    const steady = `/steady/${chance.between(0, 7)}`;
    const from = chance.between(0, 150);
    const ways: [() => Asking, ...(() => Asking)[]] = [
      () => get("/"),
      () => get("/"),
      () => get("/news/4000/story"),
      () => get(`/shop?page=${chance.between(1, 2)}`),
      () => get("/account"),
      () => get("/api/departures"),
      () => get(`/?slowly=${chance.between(1, 3)}`),
      () => get("/events", { accept: "text/event-stream" }),
      () => get(steady),
      () => get(steady, { "if-none-match": `"${steady.slice(1).replace("/", "-")}"` }),
      () => get(steady, { range: `bytes=${from}-${from + 40}`, "accept-encoding": "identity" }),
      () => send("POST", "/order", chance.between(1, 600)),
      () => send("POST", "/order", chance.between(1, 600)),
      () => send("PUT", "/upload", chance.between(50_000, 300_000)),
      () => ({ method: "WEBSOCKET", path: "/talk", headers }),
    ];
    return chance.pick(ways)();
  }

  async #askHttp1({ method, path, headers, body }: Asking, signal: AbortSignal): Promise<Answer> {
    const options = { host: "127.0.0.1", port: this.#ports.http, agent: this.#agent, signal };
    const outgoing = request({ ...options, method, path, headers: { host: HOST, ...headers } });
    // Whoever waits for the response or its body hears of it too.
    outgoing.on("error", () => {}).end(body);
    const [response] = (await once(outgoing, "response", { signal })) as [IncomingMessage];
    return { status: response.statusCode ?? 0, headers: response.headers, body: buffer(response) };
  }

  async #askHttp2({ method, path, headers, body }: Asking, signal: AbortSignal): Promise<Answer> {
    const session = await this.#openSession(signal);
    const stream = session.request(
      { ":method": method, ":path": path, ":authority": HOST, ...headers },
      { endStream: body === undefined, signal },
    );
    stream.on("error", () => {});
    if (body !== undefined) stream.end(body);
    const [head] = (await once(stream, "response", { signal: untilClosed(stream, signal) })) as [
      Record<string, unknown>,
    ];
    const whole = buffer(stream).then((bytes) => {
      if (stream.rstCode !== 0) throw new Error(`reset ${stream.rstCode}`);
      return bytes;
    });
    return { status: Number(head[":status"]), headers: head, body: whole };
  }

  async #openSession(signal: AbortSignal): Promise<ClientHttp2Session> {
    const current = this.#session;
    if (current !== undefined && !current.closed && !current.destroyed) return current;
    const { https, authority } = this.#ports;
    const session = connect(`https://127.0.0.1:${https}`, { ca: authority, servername: HOST });
    session.on("goaway", () => session.close());
    session.on("error", () => {});
    await once(session, "remoteSettings", { signal: untilClosed(session, signal) });
    this.#session = session;
    return session;
  }

  async #talk(signal: AbortSignal): Promise<[Outcome, string]> {
    const socket = new WebSocket(`ws://127.0.0.1:${this.#ports.http}/talk`, { headers: { host: HOST } });
    const ended = new AbortController();
    let refused: number | undefined;
    socket.on("error", () => ended.abort());
    socket.on("unexpected-response", (_, { statusCode }) => {
      refused = statusCode;
      ended.abort();
    });
    socket.on("close", () => ended.abort());
    const either = AbortSignal.any([signal, ended.signal]);
    let isOpen = false;
    try {
      await once(socket, "open", { signal: either });
      isOpen = true;
      for (let n = 0; n < MESSAGES; n++) {
        const said = Buffer.from(this.#chance.hex(this.#chance.between(2, 8_000)));
        socket.send(said);
        const [heard] = (await once(socket, "message", { signal: either })) as [Buffer];
        if (!heard.equals(said)) return ["wrong", "another message came back"];
      }
      return ["right", ""];
    } catch {
      signal.throwIfAborted();
      if (refused !== undefined) return refused >= 500 ? ["refused", `${refused}`] : ["wrong", `${refused}`];
      return isOpen ? ["cut", "the WebSocket ended"] : ["unanswered", "no WebSocket"];
    } finally {
      socket.terminate();
    }
  }
}

/** A session or a stream may close without an error, and then what was to come never does. */
const untilClosed = (closing: EventEmitter, signal: AbortSignal): AbortSignal => {
  const closed = new AbortController();
  closing.once("close", () => closed.abort(new Error("closed before it answered")));
  return AbortSignal.any([signal, closed.signal]);
};
