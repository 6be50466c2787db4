/**
 * The web server of a soak: pages that change all the time, with and without sessions, of every way of answering that matters to a
 * pair. It says of each response, by the serial number in its head, what it sent and to which request, and counts how often it was given
 * each request that must not come twice. It can go away and come back on its port.
 */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { buffer } from "node:stream/consumers";
import { WebSocketServer } from "ws";
import { chanceFor } from "../../bench/demo-site/chance.ts";
import { renderTarget } from "../../bench/demo-site/pages.ts";
import { visitOf } from "../../bench/demo-site/site.ts";
import { systemClock } from "../../protocol/runtime/clock.ts";

export const SERIAL = "x-serial";
export const REQUEST_ID = "x-soak-id";
export const BODY_DIGEST = "x-soak-digest";

export const digestOf = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("base64url");

export interface Sent {
  readonly requestId: string;
  readonly status: number;
  readonly digest: string;
}

const STEADY_BYTES = [200, 4_000, 60_000, 250_000] as const;
const PIECES = 6;
const PIECE_MS = 40;
/** Sent and never asked about, as by a visitor who was cut off: the oldest are forgotten. */
const MOST_KEPT = 20_000;

export class SoakSite {
  /** Requests that must not be processed twice, by their id. */
  readonly processed = new Map<string, number>();
  /** Bodies of requests that came in full and otherwise than they were sent. */
  damagedBodies = 0;
  readonly #seed: number;
  readonly #sent = new Map<string, Sent>();
  readonly #sockets = new WebSocketServer({ noServer: true });
  readonly #upgraded = new Set<Duplex>();
  readonly #steady: readonly Buffer[];
  readonly #pages: ReadonlyMap<string, Page>;
  #serial = 0;
  #server: Server | undefined;
  port = 0;

  constructor(seed: number) {
    this.#seed = seed;
    this.#pages = makePages(seed);
    const chance = chanceFor(seed, "steady");
    this.#steady = STEADY_BYTES.map((bytes) => Buffer.from(chance.hex(2 * bytes), "hex"));
  }

  /** Listens; on the same port as before. */
  async open(): Promise<void> {
    const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
      this.#serve(request, response).catch(() => response.destroy());
    });
    server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      this.#upgraded.add(socket.once("close", () => this.#upgraded.delete(socket)));
      socket.on("error", () => {});
      this.#sockets.handleUpgrade(request, socket, head, (accepted) => {
        accepted.on("error", () => {});
        accepted.on("message", (message, isBinary) => accepted.send(message, { binary: isBinary }));
      });
    });
    server.listen(this.port, "127.0.0.1");
    await once(server, "listening");
    this.port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  /** Breaks every connection and listens no more. */
  async close(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    const closed = once(server, "close");
    server.close();
    server.closeAllConnections();
    for (const socket of this.#upgraded) socket.destroy();
    await closed;
  }

  /** What was sent under this number; it is told once. */
  take(serial: string): Sent | undefined {
    const sent = this.#sent.get(serial);
    this.#sent.delete(serial);
    return sent;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const requestId = String(request.headers[REQUEST_ID]);
    const path = request.url ?? "/";
    const safe = request.method === "GET" || request.method === "HEAD";
    if (!safe) this.processed.set(requestId, (this.processed.get(requestId) ?? 0) + 1);
    const body = await buffer(request);
    const digest = request.headers[BODY_DIGEST];
    if (digest !== undefined && digest !== digestOf(body)) this.damagedBodies += 1;
    const serial = String(++this.#serial);
    response.setHeader(SERIAL, serial);
    const isHead = request.method === "HEAD";
    const say = (status: number, fields: Record<string, string>, pieces: readonly Buffer[]) => {
      const all = isHead || status === 304 ? Buffer.alloc(0) : Buffer.concat(pieces);
      this.#sent.set(serial, { requestId, status, digest: digestOf(all) });
      const [oldest] = this.#sent.keys();
      if (this.#sent.size > MOST_KEPT && oldest !== undefined) this.#sent.delete(oldest);
      response.writeHead(status, fields);
      return all;
    };
    if (path.startsWith("/steady/")) return this.#serveSteady(request, response, say);
    if (path === "/events") {
      const pieces = this.#pieces(serial, (text, n) => `id: ${n}\ndata: ${text}\n\n`);
      say(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-cache" }, pieces);
      return inPieces(response, pieces);
    }
    const page = this.#page(request, path);
    const fields = {
      "Content-Type": page.contentType,
      "Cache-Control": page.cacheControl,
      Vary: "Cookie, Accept-Encoding",
    };
    if (path.includes("slowly")) {
      const third = Math.ceil(page.body.length / PIECES);
      const pieces = Array.from({ length: PIECES }, (_, n) => page.body.subarray(n * third, (n + 1) * third));
      say(200, fields, pieces);
      return isHead ? void response.end() : inPieces(response, pieces);
    }
    const all = say(200, { ...fields, "Content-Length": String(page.body.length) }, [page.body]);
    response.end(all);
  }

  #serveSteady(
    request: IncomingMessage,
    response: ServerResponse,
    say: (status: number, fields: Record<string, string>, pieces: readonly Buffer[]) => Buffer,
  ): void {
    const n = Number(request.url?.slice("/steady/".length));
    const body = this.#steady[n % this.#steady.length] ?? Buffer.alloc(0);
    const fields = {
      ETag: `"steady-${n}"`,
      "Content-Type": n % 2 === 0 ? "image/png" : "text/css",
      "Cache-Control": "max-age=60",
      "Accept-Ranges": "bytes",
    };
    if (request.headers["if-none-match"] === fields.ETag) {
      say(304, fields, []);
      response.end();
      return;
    }
    const [, from = "", to = ""] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "") ?? [];
    if (from === "") {
      response.end(say(200, { ...fields, "Content-Length": String(body.length) }, [body]));
      return;
    }
    const part = body.subarray(Number(from), Number(to) + 1);
    const range = `bytes ${from}-${Number(from) + part.length - 1}/${body.length}`;
    const more = { "Content-Range": range, "Content-Length": String(part.length) };
    response.end(say(206, { ...fields, ...more }, [part]));
  }

  #pieces(serial: string, of: (text: string, n: number) => string): Buffer[] {
    const chance = chanceFor(this.#seed, "pieces", serial);
    return Array.from({ length: PIECES }, (_, n) => Buffer.from(of(chance.hex(400), n)));
  }

  /** One of the pages that were made at the start, with what is new today in some places: to make a page is slow. */
  #page(request: IncomingMessage, path: string): Page {
    const page = this.#pages.get(pathOf(path)) ?? this.#pages.get(ACCOUNT);
    if (page === undefined) throw new Error("the site has no pages");
    const chance = chanceFor(this.#seed, "page", this.#serial);
    const news = () => Buffer.from(`<p>${chance.hex(16)} for ${request.headers.cookie ?? "everybody"}</p>`);
    const part = Math.ceil(page.body.length / PLACES);
    const pieces = Array.from({ length: PLACES }, (_, n) => [
      page.body.subarray(n * part, (n + 1) * part),
      news(),
    ]);
    return { ...page, body: Buffer.concat(pieces.flat()) };
  }
}

interface Page {
  readonly contentType: string;
  readonly cacheControl: string;
  readonly body: Buffer;
}

const ACCOUNT = "/account";
const PATHS = ["/", "/news/4000/story", "/shop?page=1", "/shop?page=2", ACCOUNT, "/api/departures"];
const CACHED: Readonly<Record<string, string>> = { account: "private, no-cache", listing: "no-store" };
/** What is new stands in so many places of a page. */
const PLACES = 8;

const pathOf = (path: string): string => (path.startsWith("/?") ? "/" : path);

const makePages = (seed: number): ReadonlyMap<string, Page> =>
  new Map(
    PATHS.map((path) => {
      const page = renderTarget(visitOf(undefined, { seed, number: 1, moment: 1 }), path);
      if (page === undefined) throw new Error(`the site has no ${path}`);
      return [path, { ...page, cacheControl: CACHED[page.kind] ?? "no-cache" }];
    }),
  );

const inPieces = async (response: ServerResponse, pieces: readonly Buffer[]): Promise<void> => {
  for (const piece of pieces) {
    if (response.destroyed) return;
    response.write(piece);
    await systemClock.sleep(PIECE_MS);
  }
  response.end();
};
