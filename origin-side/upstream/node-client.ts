/**
 * Every other request, through node:http: with a body, with Expect, trailers or an upgrade, with `*` as target, and for
 * web servers that send 100 unasked. A request that must not be repeated goes on a new connection, or on one that
 * rested so shortly that its web server can hardly be about to close it.
 */
import {
  Agent,
  type IncomingMessage,
  type ClientRequest as OutgoingRequest,
  type RequestOptions,
  request,
} from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { ResponseHead } from "../../protocol/http/head.ts";
import type { HeaderList } from "../../protocol/http/header-list.ts";
import type { OriginDialler } from "./dial-upstream.ts";
import {
  type ClientEvents,
  type ClientExchange,
  type ClientRequest,
  type OriginClient,
  RefusedRequest,
} from "./http-client.ts";
import { sendBody } from "./send-body.ts";

/** A connection that rested longer is closed. Web servers close theirs after seconds: 2 (gunicorn), 5 (Apache, Node.js), 75 (nginx). */
const REST_MS = 1_000;

const NO_BYTES = Buffer.alloc(0);

export interface NodeGiven {
  readonly dialler: OriginDialler;
  /** Most resting connections. */
  readonly connections: number;
  /** Largest response head. */
  readonly headBytes: number;
}

export class NodeClient implements OriginClient {
  readonly #kept: DiallingAgent;
  readonly #fresh: DiallingAgent;
  readonly #headBytes: number;

  constructor({ dialler, connections, headBytes }: NodeGiven) {
    this.#kept = new DiallingAgent(dialler, {
      keepAlive: true,
      timeout: REST_MS,
      maxFreeSockets: connections,
    });
    this.#fresh = new DiallingAgent(dialler, { keepAlive: false });
    this.#headBytes = headBytes;
  }

  send(wanted: ClientRequest, events: ClientEvents): ClientExchange {
    const agent = wanted.fresh || wanted.upgrade ? this.#fresh : this.#kept;
    const { method, target: path } = wanted;
    const options: RequestOptions & HalfOpen = {
      agent,
      method,
      path,
      headers: [...wanted.fields],
      setHost: false,
      maxHeaderSize: this.#headBytes,
      halfOpen: wanted.upgrade,
    };
    let outgoing: OutgoingRequest;
    try {
      outgoing = request(options);
    } catch (error) {
      throw new RefusedRequest(error);
    }
    return new NodeExchange(outgoing, wanted, events);
  }

  async close(): Promise<void> {
    this.#kept.destroy();
    this.#fresh.destroy();
  }
}

/** An option of ours, which an agent gets with all others. */
interface HalfOpen {
  readonly halfOpen?: boolean;
}

/** An agent whose connections come from our dialler. */
class DiallingAgent extends Agent {
  readonly #dialler: OriginDialler;

  constructor(dialler: OriginDialler, options: ConstructorParameters<typeof Agent>[0]) {
    super(options);
    this.#dialler = dialler;
  }

  override createConnection(
    options: RequestOptions & HalfOpen,
    connected: (error: Error | null, socket: Duplex) => void = () => {},
  ): undefined {
    this.#dialler.dial({ halfOpen: options.halfOpen === true }).then(
      (socket) => connected(null, socket),
      // Node looks at the socket only when there is no error.
      (error: Error) => connected(error, undefined as unknown as Duplex),
    );
  }
}

/** One request and its response, in our words. */
class NodeExchange implements ClientExchange {
  readonly #outgoing: OutgoingRequest;
  readonly #wanted: ClientRequest;
  readonly #events: ClientEvents;
  #incoming: IncomingMessage | undefined;
  #socket: Socket | undefined;
  #bytesBefore = 0;
  #bodyHandedOver = false;
  #over = false;

  constructor(outgoing: OutgoingRequest, wanted: ClientRequest, events: ClientEvents) {
    this.#outgoing = outgoing;
    this.#wanted = wanted;
    this.#events = events;
    outgoing.maxHeadersCount = 0; // bounded by bytes; node would leave out what is beyond, silently
    outgoing
      .on("socket", (socket) => this.#begin(socket))
      .on("information", (head) => {
        if (!this.#over) events.interim(headOf(head));
      })
      .on("response", (incoming) => this.#answered(incoming))
      .on("upgrade", (incoming, socket, first) => this.#upgraded(incoming, socket, first))
      .on("error", (error) => {
        // What comes behind a response that is complete belongs to none.
        if (this.#incoming?.complete !== true) this.#fail(error);
      })
      .on("close", () => {
        // Of a response it is the response that tells: some of it may still wait to be read.
        if (this.#incoming === undefined) this.#fail(new Error("the connection closed before a response"));
      });
    void this.#send();
  }

  pause(): void {
    this.#incoming?.pause();
  }

  resume(): void {
    this.#incoming?.resume();
  }

  abort(): void {
    this.#over = true;
    this.#outgoing.destroy();
  }

  async #send(): Promise<void> {
    // Not flushHeaders, which writes the bytes of latin1 values as UTF-8.
    if (this.#wanted.body !== undefined) this.#outgoing.write(NO_BYTES);
    try {
      this.#bodyHandedOver = await sendBody(this.#outgoing, this.#wanted, this.#events);
    } catch (error) {
      // Of the body, and not the web server's doing.
      this.#fail(error, false);
      this.#outgoing.destroy();
    }
  }

  #begin(socket: Socket): void {
    this.#socket = socket;
    this.#bytesBefore = socket.bytesRead;
    this.#events.started();
  }

  #answered(incoming: IncomingMessage): void {
    this.#incoming = incoming;
    incoming
      .on("data", (bytes: Buffer) => this.#events.piece(bytes))
      .on("end", () => this.#end(incoming.rawTrailers))
      .on("error", (error) => this.#fail(error));
    if (!this.#over) this.#events.answered(headOf(incoming));
  }

  #end(trailers: HeaderList): void {
    if (this.#over) return;
    this.#over = true;
    // Nobody reads the rest of the request any more, and its end would have to come before another one.
    if (!this.#bodyHandedOver) this.#outgoing.destroy();
    this.#events.ended(trailers);
  }

  #upgraded(incoming: IncomingMessage, socket: Socket, first: Buffer): void {
    socket.on("error", () => {});
    if (this.#over || !this.#wanted.upgrade || incoming.statusCode !== 101) {
      socket.destroy();
      return this.#fail(new Error("it changed the protocol, which nobody had asked for"));
    }
    this.#over = true;
    if (first.length > 0) socket.unshift(first);
    this.#events.upgraded(headOf(incoming), socket);
  }

  #fail(error: unknown, mayBeStale = true): void {
    if (this.#over) return;
    this.#over = true;
    const silent = this.#socket?.bytesRead === this.#bytesBefore;
    this.#events.failed(error, mayBeStale && this.#outgoing.reusedSocket && silent);
  }
}

const headOf = (from: {
  readonly statusCode?: number | undefined;
  readonly statusMessage?: string | undefined;
  readonly rawHeaders: HeaderList;
}): ResponseHead => ({
  status: from.statusCode ?? 0,
  reason: from.statusMessage ?? "",
  fields: from.rawHeaders,
});
