/**
 * The edge's tunnel port: accepts TCP, TLS and the WebSocket, and hands over transports. Until a peer has verified itself
 * to the link (`setMaxMessageBytes`) it has one span of time, from TCP accept on, and one of a few places per address;
 * then it is on its own. Everything refused is told to `refused`, once per connection. SPEC section "Listening".
 */
import {
  createServer as createHttpServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import { createServer as createHttpsServer } from "node:https";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Clock } from "../runtime/clock.ts";
import { endsOf, plainAddress } from "../runtime/ip-address.ts";
import { HandshakeLimit } from "./handshake-limit.ts";
import {
  asText,
  BAD_HTTP,
  headersOf,
  refusalOf,
  TLS_FAILURES,
  WANTS_UPGRADE,
  WRONG_SECRET,
} from "./refusals.ts";
import { checkPlain, type ListenSecurity, type ListenTls, listenTls } from "./tls.ts";
import { FIRST_MESSAGE_BYTES, type Transport } from "./transport.ts";
import { acceptWebSocket, MAX_UPGRADE_HEADER_BYTES } from "./ws-transport.ts";

/** @internal */
export interface ListenLimits {
  /** Connections of one address that have not verified themselves; of IPv6, of one /64. */
  readonly pendingPerAddress: number;
  /** The same for all addresses together: with it, what strangers can hold here has a bound. */
  readonly pendingInAll: number;
  /** Milliseconds from TCP accept until the link has the peer's proof. */
  readonly handshakeMs: number;
  /** Largest message before that proof. */
  readonly firstMessageBytes: number;
}

/** @internal */
export const LISTEN_LIMITS: ListenLimits = {
  pendingPerAddress: 32,
  pendingInAll: 512,
  handshakeMs: 5_000,
  firstMessageBytes: FIRST_MESSAGE_BYTES,
};

export interface ListenOptions {
  readonly host: string;
  /** 0 takes a free port: see `TunnelListener.address`. */
  readonly port: number;
  /** A socket to listen on in place of that address. */
  readonly fd?: number | undefined;
  readonly security: ListenSecurity;
  readonly clock: Clock;
  readonly limits?: Partial<ListenLimits>;
  /** Takes a transport; it must call `listen` on it before it returns or soon after. */
  accept(transport: Transport): void;
  /** A connection was refused or dropped before its proof; `why` is for the log. May be called very often. */
  refused?(why: string, address: string): void;
  /** One was closed: too many, of its address or of all, have not proved themselves. */
  full?(address: string): void;
  /** The system could not accept one. */
  acceptFailed?(error: Error): void;
}

export interface TunnelListener {
  readonly address: { readonly host: string; readonly port: number };
  /** Frees the port and drops what is not a transport yet; transports live on. */
  closeAccepting(): void;
  /** `closeAccepting`, and destroys every transport; resolves when no socket is left. */
  close(): Promise<void>;
}

/** Resolves when the port is open. Rejects with InsecureError, or with what the system says of the address. */
export const listenForLinks = async (options: ListenOptions): Promise<TunnelListener> => {
  checkPlain(options.host, options.security);
  const listener = new LinkListener(options);
  await listener.open();
  return listener;
};

/** One TCP connection, from accept to close. */
interface Arrival {
  readonly address: string;
  readonly socket: Socket;
  /** Ends its time and its place among the unverified; also when it is gone. */
  readonly verified: () => void;
  /** The log has heard of it. */
  told: boolean;
  transport: Transport | undefined;
}

class LinkListener implements TunnelListener {
  readonly #options: ListenOptions;
  readonly #limits: ListenLimits;
  readonly #tls: ListenTls | undefined;
  readonly #server: Server;
  readonly #arrivals = new Map<string, Arrival>();
  /** The port is free and the last socket gone; heard from the beginning, as it may come before anybody waits for it. */
  readonly #closed = Promise.withResolvers<void>();
  readonly #places: HandshakeLimit;
  #accepting = true;
  #address = { host: "", port: 0 };

  constructor(options: ListenOptions) {
    this.#options = options;
    this.#limits = { ...LISTEN_LIMITS, ...options.limits };
    this.#places = new HandshakeLimit({
      perAddress: this.#limits.pendingPerAddress,
      inAll: this.#limits.pendingInAll,
    });
    this.#tls = listenTls(options.security);
    // Node's own timeouts are off: the arrival's one timer covers TLS, HTTP and the link's proof.
    const http = {
      maxHeaderSize: MAX_UPGRADE_HEADER_BYTES,
      headersTimeout: 0,
      requestTimeout: 0,
      noDelay: true,
    };
    this.#server =
      this.#tls === undefined ? createHttpServer(http) : createHttpsServer({ ...http, ...this.#tls.options });
    this.#server.once("close", () => this.#closed.resolve());
    this.#server.on("connection", (socket: Socket) => this.#arrive(socket));
    this.#server.on("upgrade", (request, socket, head) => this.#upgrade(request, socket, head));
    this.#server.on("request", (request, response) => this.#answerStranger(request, response));
    // For HTTPS this also hears of TLS handshakes that failed.
    this.#server.on("clientError", (error: NodeJS.ErrnoException, socket) => this.#failed(error, socket));
  }

  get address(): { readonly host: string; readonly port: number } {
    return this.#address;
  }

  async open(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#server.once("error", reject);
    const { host, port, fd } = this.#options;
    this.#server.listen(fd === undefined ? { host, port } : { fd }, resolve);
    await promise;
    this.#server.off("error", reject);
    // Out of file descriptors, say: that connection is lost, the port is not.
    this.#server.on("error", (error) => this.#options.acceptFailed?.(error));
    const bound = this.#server.address();
    if (bound !== null && typeof bound === "object")
      this.#address = { host: bound.address, port: bound.port };
  }

  closeAccepting(): void {
    if (!this.#accepting) return;
    this.#accepting = false;
    this.#server.close();
    for (const arrival of this.#arrivals.values())
      if (arrival.transport === undefined) arrival.socket.destroy();
  }

  async close(): Promise<void> {
    this.closeAccepting();
    for (const arrival of this.#arrivals.values())
      arrival.transport?.destroy("the edge is closing its tunnel port");
    await this.#closed.promise;
  }

  #arrive(socket: Socket): void {
    socket.on("error", ignore);
    const { remoteAddress } = socket;
    if (remoteAddress === undefined) {
      socket.destroy();
      return;
    }
    const address = plainAddress(remoteAddress);
    const giveBack = this.#places.take(address);
    if (giveBack === undefined) {
      this.#options.full?.(address);
      socket.destroy();
      return;
    }
    const { handshakeMs } = this.#limits;
    const timer = this.#options.clock.after(handshakeMs, () =>
      this.#refuse(arrival, `no proof within ${handshakeMs} ms`),
    );
    const verified = () => {
      timer.cancel();
      giveBack();
    };
    const arrival: Arrival = { address, socket, verified, told: false, transport: undefined };
    const name = endsOf(socket);
    this.#arrivals.set(name, arrival);
    socket.once("close", () => {
      verified();
      this.#arrivals.delete(name);
    });
  }

  #tell(arrival: Arrival, why: string): void {
    if (arrival.told) return;
    arrival.told = true;
    this.#options.refused?.(why, arrival.address);
  }

  #refuse(arrival: Arrival, why: string): void {
    this.#tell(arrival, why);
    if (arrival.transport === undefined) arrival.socket.destroy();
    else arrival.transport.destroy(why);
  }

  #upgrade(request: IncomingMessage, duplex: Duplex, head: Buffer): void {
    // node:http hands over the very socket it accepted, typed as its base class.
    const socket = duplex as Socket;
    socket.on("error", ignore);
    const arrival = this.#arrivals.get(endsOf(socket));
    if (arrival === undefined) {
      socket.destroy();
      return;
    }
    const verified = this.#tls === undefined ? { keyId: undefined } : this.#tls.verifiedBy(socket);
    if (verified === undefined) {
      this.#refuse(arrival, "the connection names no key that is known here");
      return;
    }
    const refusal = refusalOf(request);
    if (refusal !== undefined) {
      this.#tell(arrival, refusal.why);
      socket.end(asText(refusal));
      return;
    }
    const wiring = {
      peer: { address: arrival.address, ...verified },
      firstMessageBytes: this.#limits.firstMessageBytes,
      verified: arrival.verified,
    };
    acceptWebSocket({ request, socket, head }, wiring, (transport) => {
      arrival.transport = transport;
      this.#options.accept(transport);
    });
  }

  #answerStranger(request: IncomingMessage, response: ServerResponse): void {
    const refusal = refusalOf(request) ?? WANTS_UPGRADE;
    const arrival = this.#arrivals.get(endsOf(request.socket));
    if (arrival !== undefined) this.#tell(arrival, refusal.why);
    response.writeHead(refusal.status, { ...headersOf(refusal) });
    response.end(refusal.text);
  }

  #failed(error: NodeJS.ErrnoException, duplex: Duplex): void {
    const socket = duplex as Socket;
    const arrival = this.#arrivals.get(endsOf(socket));
    const { code = error.message } = error;
    const other = code === WRONG_SECRET && this.#tls?.provedAnother(socket) === true;
    const why = other
      ? "it proved another secret of this key id; its next dial is asked for the other one"
      : (TLS_FAILURES[code] ?? `not a link: ${code}`);
    if (arrival !== undefined) this.#tell(arrival, why);
    if (code.startsWith("HPE_") && socket.writable) socket.end(asText(BAD_HTTP));
    else socket.destroy();
  }
}

/** Of a socket that fails before it is a transport there is nothing more to say than its closing. */
const ignore = (): void => {};
