/**
 * The web server of `coilgun-bench places`: small pages, and all that can keep a place for long: event streams, WebSockets, images
 * without end, a page that never comes, forms that are read to their end.
 */
import { createHash } from "node:crypto";
import { createServer, type ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { Clock } from "../../protocol/runtime/clock.ts";
import { listenOnLoopback } from "../rig/loopback.ts";

export const PAGE = `<!doctype html><title>Page</title>${"<p>A page of a few kilobytes.</p>".repeat(100)}`;
const EVENT_MS = 5_000;
const IMAGE_PIECE = Buffer.alloc(64 * 1024);
/** RFC 6455 section 1.3. */
const WEBSOCKET_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

export interface PlacesServer extends AsyncDisposable {
  /** host:port. */
  readonly address: string;
  /** Requests under way that are none for a page. */
  readonly held: number;
}

export const startPlacesServer = async (clock: Clock): Promise<PlacesServer> => {
  const held = new Set<ServerResponse | Duplex>();
  const hold = (exchange: ServerResponse | Duplex) => {
    held.add(exchange);
    exchange.once("close", () => held.delete(exchange)).on("error", () => {});
  };
  const server = createServer((request, response) => {
    const path = request.url?.split("?")[0];
    if (path === "/page") {
      response.writeHead(200, { "Content-Type": "text/html", "Content-Length": PAGE.length }).end(PAGE);
      return;
    }
    hold(response);
    if (path === "/events") void sendEvents(response, clock);
    else if (path === "/image") sendImage(response);
    else if (path === "/form")
      request
        .resume()
        .on("end", () => response.end())
        .on("error", () => {});
    // Any other page never comes.
  });
  server.on("upgrade", (request, socket) => {
    hold(socket);
    const proof = createHash("sha1").update(`${request.headers["sec-websocket-key"]}${WEBSOCKET_GUID}`);
    const fields = [
      "Connection: Upgrade",
      "Upgrade: websocket",
      `Sec-WebSocket-Accept: ${proof.digest("base64")}`,
    ];
    socket.resume().once("end", () => socket.end());
    socket.write(`HTTP/1.1 101 Switching Protocols\r\n${fields.join("\r\n")}\r\n\r\n`);
  });
  return {
    address: await listenOnLoopback(server),
    get held() {
      return held.size;
    },
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      for (const each of held) each.destroy();
    },
  };
};

const sendEvents = async (response: ServerResponse, clock: Clock): Promise<void> => {
  const gone = new AbortController();
  response.once("close", () => gone.abort());
  response.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-store" });
  while (!gone.signal.aborted) {
    response.write("data: tick\n\n");
    await clock.sleep(EVENT_MS, gone.signal).catch(() => undefined);
  }
};

const sendImage = (response: ServerResponse): void => {
  response.writeHead(200, { "Content-Type": "image/png", "Cache-Control": "no-store" });
  const send = () => {
    while (!response.destroyed && response.write(IMAGE_PIECE));
  };
  response.on("drain", send);
  send();
};
