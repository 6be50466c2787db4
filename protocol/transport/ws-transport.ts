/**
 * A transport over one WebSocket, and the only importer of ws: everything above sends and receives whole binary
 * messages. The socket is made, secured and verified by dial-link and listen before ws sees a byte of it.
 * SPEC section "Transport".
 *
 * ws fixes its bound on a message when it is built, and buffers up to the length that a frame claims. So ws gets the
 * final bound, and a peer that has not verified itself is held by a bound on *all* it has sent, checked here after each
 * chunk: it can make this side hold UNPROVED_MESSAGES first messages and one chunk, whatever its frames claim.
 */
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { TLSSocket } from "node:tls";
import { WebSocket, WebSocketServer } from "ws";
import { printHostPort } from "../config/units.ts";
import { exportKeyOf } from "./tls.ts";
import {
  CLOSE_MS,
  checkMaxMessageBytes,
  clipReason,
  FIRST_MESSAGE_BYTES,
  MAX_MESSAGE_BYTES,
  type Transport,
  type TransportEvents,
  tooLarge,
} from "./transport.ts";

/** Where a link is asked for; anything else on the tunnel port is refused. */
export const LINK_PATH = "/coilgun";
/** The WebSocket subprotocol: changes only if the messages of two versions could not even be told apart. */
export const SUBPROTOCOL = "coilgun.1";
/** Most bytes of HTTP headers before the connection becomes a WebSocket. */
export const MAX_UPGRADE_HEADER_BYTES = 4 * 1024;
/** An unverified peer may send this many times the first message bound, framing included: hello, proof, and room. @internal */
export const UNPROVED_MESSAGES = 4;

/** Intermediaries may cut a message into fragments; ours are never cut. */
const MAX_FRAGMENTS = 128;
/** Pieces of one message as the network delivers them, each of which costs an object: the smallest TCP segments make 245. */
const MAX_PIECES = 1024;

const CLOSE_NORMAL = 1000;
const CLOSE_UNSUPPORTED = 1003;
const CLOSE_TOO_BIG = 1009;
/** What ws reports when the connection went without a closing frame. */
const CLOSED_WITHOUT_WORD = 1006;

const SETTINGS = {
  // The client's default is true, and compressing frames of deltas costs memory and time for nothing.
  perMessageDeflate: false,
  maxPayload: MAX_MESSAGE_BYTES,
  maxFragments: MAX_FRAGMENTS,
  maxBufferedChunks: MAX_PIECES,
  closeTimeout: CLOSE_MS,
} as const;

const BINARY = { binary: true, compress: false } as const;

export interface WebSocketPeer {
  readonly address: string;
  readonly keyId: string | undefined;
}

interface Wiring {
  readonly ws: WebSocket;
  readonly socket: Socket;
  readonly peer: WebSocketPeer;
  readonly firstMessageBytes: number;
  /** The link set the message bound: the peer has verified itself. Called each time. */
  verified(): void;
}

class WebSocketTransport implements Transport {
  readonly peer: WebSocketPeer;
  readonly #ws: WebSocket;
  readonly #socket: Socket;
  readonly #unverifiedBound: number;
  readonly #verified: () => void;
  #maxMessageBytes: number;
  #unverifiedBytes = 0;
  /** An event that is under way still calls listeners taken off meanwhile. */
  #counting = true;
  #events: TransportEvents | undefined;
  /** Why this side ended, or saw the connection end; set once. */
  #why: string | undefined;
  #closed = false;
  /** Somebody has seen `queuedBytes` above zero: a drain is owed. */
  #owesDrain = false;
  #corked = false;

  constructor(wiring: Wiring) {
    this.peer = wiring.peer;
    this.#ws = wiring.ws;
    this.#socket = wiring.socket;
    this.#maxMessageBytes = wiring.firstMessageBytes;
    this.#unverifiedBound = wiring.firstMessageBytes * UNPROVED_MESSAGES;
    this.#verified = wiring.verified;
    // Paused before the first byte is parsed: events wait for `listen`. (ws has set TCP_NODELAY; a test holds it to that.)
    this.#ws.pause();
    this.#ws.binaryType = "nodebuffer";
    this.#ws.on("message", (message, binary) => this.#arrived(message, binary));
    this.#ws.on("error", (error) => this.#ending(`the peer broke the WebSocket protocol: ${error.message}`));
    this.#ws.on("close", (code, reason) => this.#gone(code, reason));
    this.#socket.on("error", (error: NodeJS.ErrnoException) =>
      this.#ending(`the connection was lost (${error.code ?? error.message})`),
    );
    // After ws's own listener, so that a chunk which verifies the peer and goes on is not counted against it.
    this.#socket.on("data", this.#countUnverified);
  }

  get queuedBytes(): number {
    if (this.#closed) return 0;
    const bytes = this.#ws.bufferedAmount;
    if (bytes > 0) this.#owesDrain = true;
    return bytes;
  }

  listen(events: TransportEvents): void {
    this.#events = events;
    if (this.#closed) queueMicrotask(() => events.closed(this.#why ?? ""));
    else this.#ws.resume();
  }

  send(message: Uint8Array): void {
    // ws counts what is sent after the end as buffered for ever.
    if (this.#why !== undefined || this.#ws.readyState !== WebSocket.OPEN) return;
    this.#cork();
    // Header and payload leave corked: measured as one write and one TLS record.
    this.#ws.send(message, BINARY, this.#written);
  }

  setMaxMessageBytes(bytes: number): void {
    this.#maxMessageBytes = checkMaxMessageBytes(bytes);
    this.#counting = false;
    this.#socket.off("data", this.#countUnverified);
    this.#verified();
  }

  pause(): void {
    this.#ws.pause();
  }

  resume(): void {
    this.#ws.resume();
  }

  close(why: string): void {
    this.#refuse(CLOSE_NORMAL, why);
  }

  destroy(why: string): void {
    if (this.#closed) return;
    this.#ending(why);
    this.#ws.terminate();
  }

  exportKey(label: string, bytes: number): Buffer | undefined {
    return exportKeyOf(this.#socket, label, bytes);
  }

  /** What is sent in one turn crosses to the operating system in one call, instead of one for each message. */
  #cork(): void {
    if (this.#corked) return;
    this.#corked = true;
    this.#socket.cork();
    process.nextTick(this.#uncork);
  }

  readonly #uncork = (): void => {
    this.#corked = false;
    this.#socket.uncork();
  };

  /** One callback for every send: no closure per message. */
  readonly #written = (): void => {
    if (!this.#owesDrain || this.#why !== undefined || this.#ws.bufferedAmount > 0) return;
    this.#owesDrain = false;
    this.#events?.drain();
  };

  readonly #countUnverified = (chunk: Buffer): void => {
    if (!this.#counting) return;
    this.#unverifiedBytes += chunk.length;
    if (this.#unverifiedBytes > this.#unverifiedBound) {
      this.destroy(`the peer sent more than ${this.#unverifiedBound} bytes before it proved itself`);
    }
  };

  #arrived(message: WebSocket.RawData, binary: boolean): void {
    if (this.#why !== undefined) return;
    if (!binary || !Buffer.isBuffer(message)) {
      this.#refuse(CLOSE_UNSUPPORTED, "text messages are not part of the link protocol");
    } else if (message.length > this.#maxMessageBytes) {
      this.#refuse(CLOSE_TOO_BIG, tooLarge(message.length, this.#maxMessageBytes));
    } else {
      this.#events?.message(message);
    }
  }

  #refuse(code: number, why: string): void {
    if (this.#why !== undefined || this.#closed) return;
    this.#ending(why);
    // Reading goes on without `listen` too, or the peer's closing frame would never be seen.
    this.#ws.resume();
    this.#ws.close(code, clipReason(why));
  }

  #ending(why: string): void {
    this.#why ??= why;
  }

  #gone(code: number, reason: Buffer): void {
    this.#closed = true;
    // The peer's words go into logs: no control characters.
    const word = reason.toString().replace(/\p{Cc}/gu, " ");
    if (word !== "") this.#ending(word);
    this.#ending(
      code === CLOSED_WITHOUT_WORD ? "the connection was lost" : `the peer closed the link (${code})`,
    );
    this.#events?.closed(this.#why ?? "");
  }
}

// Without a server: it holds no socket and tracks nothing; listen has checked path and subprotocol.
const upgrades = new WebSocketServer({
  ...SETTINGS,
  noServer: true,
  clientTracking: false,
  handleProtocols: () => SUBPROTOCOL,
});

/** The listener's half: answers 101 and hands over the transport, or answers an HTTP error and hands over nothing. */
export const acceptWebSocket = (
  upgrade: { readonly request: IncomingMessage; readonly socket: Socket; readonly head: Buffer },
  wiring: Omit<Wiring, "ws" | "socket">,
  accept: (transport: Transport) => void,
): void => {
  const { request, socket, head } = upgrade;
  upgrades.handleUpgrade(request, socket, head, (ws) =>
    accept(new WebSocketTransport({ ws, socket, ...wiring })),
  );
};

/** The server answered the request for a WebSocket with something else. */
export class WrongStatusError extends Error {
  readonly status: number;
  constructor(status: number) {
    super(`HTTP ${status}`);
    this.name = "WrongStatusError";
    this.status = status;
  }
}

/**
 * The dialler's half, over a socket that is connected and verified. Rejects with the first error of socket, HTTP or ws,
 * with WrongStatusError, or with `signal.reason`; the socket is gone then.
 */
export const openWebSocket = (
  socket: Socket,
  to: { readonly host: string; readonly port: number; readonly peer: WebSocketPeer },
  signal: AbortSignal,
): Promise<Transport> => {
  const { promise, resolve, reject } = Promise.withResolvers<Transport>();
  const encrypted = socket instanceof TLSSocket;
  const ws = new WebSocket(`${encrypted ? "wss" : "ws"}://${printHostPort(to)}${LINK_PATH}`, [SUBPROTOCOL], {
    ...SETTINGS,
    ...dialMasking(encrypted),
    createConnection: (): Duplex => socket,
    maxHeaderSize: MAX_UPGRADE_HEADER_BYTES,
    followRedirects: false,
  });
  const fail = (why: unknown) => {
    reject(why);
    ws.terminate();
    socket.destroy();
  };
  const stop = () => fail(signal.reason);
  signal.addEventListener("abort", stop, { once: true });
  ws.on("error", fail);
  ws.on("unexpected-response", (_request, response) => fail(new WrongStatusError(response.statusCode ?? 0)));
  ws.on("open", () => {
    ws.off("error", fail);
    signal.removeEventListener("abort", stop);
    const wiring = { peer: to.peer, firstMessageBytes: FIRST_MESSAGE_BYTES, verified: () => {} };
    resolve(new WebSocketTransport({ ws, socket, ...wiring }));
  });
  return promise.finally(() => signal.removeEventListener("abort", stop));
};

// A mask keeps plain-text intermediaries from being fooled by chosen bytes; inside TLS there are none to fool, and a
// mask of zeros is one that ws does not compute (RFC 6455 section 5.3 asks for entropy for that reason only).
const dialMasking = (encrypted: boolean) =>
  encrypted ? { generateMask: (mask: Buffer) => void mask.fill(0) } : {};
