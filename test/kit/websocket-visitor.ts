/** The client of the package `ws` before a secure pair, by every way that leads to a WebSocket. */
import { once } from "node:events";
import { type ClientOptions, WebSocket } from "ws";
import { openHttp2 } from "./http2-visitor.ts";
import { HOST } from "./real-daemons.ts";
import type { SecurePair } from "./secure-pair.ts";
import { connectOverHttp2 } from "./websocket-over-http2.ts";

export interface WebSocketAsked {
  readonly path?: string;
  readonly protocols?: string[];
  readonly options?: ClientOptions;
}

type Way = (secure: SecurePair, asked?: WebSocketAsked) => Promise<WebSocket>;

/** Each resolves with an open WebSocket, or rejects as `ws` does. */
export const WEBSOCKET_WAYS: Readonly<Record<string, Way>> = {
  "HTTP/1.1": (secure, { path = "/chat", protocols, options } = {}) =>
    opened(
      new WebSocket(`ws://127.0.0.1:${secure.http}${path}`, protocols, {
        headers: { Host: HOST },
        ...options,
      }),
    ),
  "HTTPS with HTTP/1.1": (secure, { path = "/chat", protocols, options } = {}) => {
    const tls = { ca: secure.authority.certificate, servername: HOST, headers: { Host: HOST } };
    return opened(new WebSocket(`wss://127.0.0.1:${secure.https}${path}`, protocols, { ...tls, ...options }));
  },
  "HTTPS with HTTP/2": async (secure, { path = "/chat", protocols, options } = {}) => {
    const visitor = await openHttp2(secure);
    const createConnection = (() => connectOverHttp2(visitor)) as unknown as NonNullable<
      ClientOptions["createConnection"]
    >;
    const socket = new WebSocket(`ws://${HOST}${path}`, protocols, { ...options, createConnection });
    socket.once("close", () => void visitor[Symbol.asyncDispose]());
    return opened(socket);
  },
};

const opened = async (socket: WebSocket): Promise<WebSocket> => {
  await once(socket, "open");
  return socket;
};
