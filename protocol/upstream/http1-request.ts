/**
 * A request over HTTP/1.1, on a connection that carries one at a time: its head and body are written as they come, and what the web server
 * sends is read by `LenientResponse` alone. A request without a body leaves in one write. RFC 9112.
 */
import { SWITCHING } from "../http/head.ts";
import { type HeaderList, NO_FIELDS, pairsOf } from "../http/header-list.ts";
import { onceFor } from "../runtime/once-for.ts";
import type { ConnectionUser, PooledConnection } from "./connections/pooled-connection.ts";
import { OwnPieces, pauseReading } from "./connections/read-buffer.ts";
import type { IncomingResponse, Outgoing, RequestEvents } from "./exchange-phase.ts";
import { closing, type WireRequest } from "./framing.ts";
import { fieldsIn, type ResponseSink, type StrictHead } from "./lenient/lenient-head.ts";
import type { LenientResponse } from "./lenient/lenient-response.ts";
import type { RawHead } from "./response-head.ts";

export interface Http1Events extends RequestEvents {
  /** The connection speaks another protocol; `first`: what came of it already. */
  upgraded(head: RawHead, first: Buffer): void;
}

/** Nothing leaves before `write` or `end`. */
export const openHttp1Request = (
  wire: WireRequest,
  connection: PooledConnection,
  reader: LenientResponse,
  events: Http1Events,
): Outgoing => new Http1Request(wire, connection, reader, events);

class Http1Request implements Outgoing, IncomingResponse, ConnectionUser, ResponseSink {
  readonly chunkedEncoding: boolean;
  readonly #wire: WireRequest;
  readonly #connection: PooledConnection;
  readonly #reader: LenientResponse;
  readonly #events: Http1Events;
  #headIsOut = false;
  #trailers = "";
  #head: StrictHead | undefined;
  #body: OwnPieces | undefined;
  #isOver = false;
  statusCode = 0;
  statusMessage = "";
  httpVersionMinor = 1;
  destroyed = false;
  writableEnded = false;
  /** Of the response: all of it is here. */
  complete = false;

  constructor(wire: WireRequest, connection: PooledConnection, reader: LenientResponse, events: Http1Events) {
    this.#wire = wire;
    this.#connection = connection;
    this.#reader = reader;
    this.#events = events;
    this.chunkedEncoding = wire.body !== undefined && wire.bodyBytes === undefined;
    connection.user = this;
  }

  /** What the web server has not read of this request would keep the next one waiting. */
  get shouldKeepAlive(): boolean {
    return !this.#connection.once && this.#connection.socket.writableLength === 0;
  }

  // The request.

  write(bytes: Uint8Array): boolean {
    const { socket } = this.#connection;
    const corked = socket.writableCorked > 0;
    if (!corked) {
      socket.cork();
      process.nextTick(() => socket.uncork());
    }
    this.#writeHead();
    if (bytes.length === 0) return true;
    if (!this.chunkedEncoding) return socket.write(bytes);
    socket.write(`${bytes.length.toString(16)}\r\n`, "latin1");
    socket.write(bytes);
    return socket.write("\r\n", "latin1");
  }

  addTrailers(fields: HeaderList): void {
    for (const [name, value] of pairsOf(fields)) this.#trailers += `${name}: ${value}\r\n`;
  }

  end(): void {
    if (this.writableEnded) return;
    this.writableEnded = true;
    this.#writeHead();
    if (this.chunkedEncoding) this.#connection.socket.write(`0\r\n${this.#trailers}\r\n`, "latin1");
  }

  destroy(error?: Error): void {
    if (this.destroyed) return;
    this.destroyed = true;
    this.#connection.socket.destroy();
    if (error !== undefined) this.#events.broken(error);
    this.#over();
  }

  #writeHead(): void {
    if (this.#headIsOut) return;
    this.#headIsOut = true;
    const wire = this.#wire;
    let text: string;
    if (this.#connection.once) text = headText({ ...wire, fields: closing(wire) });
    else text = wire.body === undefined ? knownHeadText(wire) : headText(wire);
    this.#connection.socket.write(text, "latin1");
  }

  // Its response.

  get rawHeaders(): HeaderList {
    return this.#head === undefined ? [] : fieldsIn(this.#head.text);
  }

  read(): unknown {
    const { socket } = this.#connection;
    const bytes = socket.read();
    // One that has failed gives what it holds, and tells nobody.
    if (bytes !== null && socket.errored !== null) this.bytesCame(bytes);
    return bytes;
  }

  pause(): void {
    if (!this.complete) pauseReading(this.#connection.socket);
  }

  /** Of a response that is complete the connection may be another one's. */
  resume(): void {
    if (!this.complete) this.#connection.socket.resume();
  }

  on(event: "drain" | "close", listener: () => void): this {
    this.#connection.socket.on(event, listener);
    return this;
  }

  off(event: "drain" | "close", listener: () => void): this {
    this.#connection.socket.off(event, listener);
    return this;
  }

  headIsHere(head: StrictHead): void {
    if (this.destroyed) return;
    this.#head = head;
    this.statusCode = head.status;
    this.statusMessage = head.reason;
    this.httpVersionMinor = head.isOld ? 0 : 1;
    if (isInterim(head)) this.#events.interim(this);
    else if (head.status !== SWITCHING || !this.#wire.upgrade) this.#events.answered(this);
  }

  pieceIsHere(bytes: Buffer): void {
    if (this.destroyed) return;
    this.#body ??= new OwnPieces(this.#head?.contentLength);
    this.#events.piece(this.#body.own(bytes));
  }

  messageIsOver(trailers: HeaderList): void {
    if (this.destroyed) return;
    this.resume();
    this.complete = true;
    this.#body = undefined;
    this.#events.ended(trailers);
    if (this.writableEnded) this.#over();
  }

  // What the connection tells.

  bytesCame(bytes: Buffer): void {
    const behindSwitch = this.#reader.read(bytes, this);
    const { failure } = this.#reader;
    if (this.destroyed) return;
    if (behindSwitch !== undefined) {
      this.#isOver = true;
      this.#events.upgraded(this, behindSwitch);
    } else if (failure !== undefined) this.connectionFailed(failure);
  }

  connectionEnded(): void {
    if (this.#reader.endsWithConnection && !this.complete) this.messageIsOver(NO_FIELDS);
    else this.connectionFailed(closed());
  }

  connectionFailed(error: Error): void {
    if (!this.complete && !this.#isOver && !this.destroyed) this.#events.broken(error);
  }

  connectionClosed(): void {
    this.connectionFailed(closed());
    this.#over();
  }

  /** Later, since what came behind the response in the same read says whether its connection can be used again. */
  #over(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    process.nextTick(() => {
      if (this.#connection.user === this) this.#connection.user = undefined;
      this.#events.closed();
    });
  }
}

const headText = ({ method, target, fields }: WireRequest): string => {
  let text = `${method} ${target} HTTP/1.1\r\n`;
  for (let i = 0; i + 1 < fields.length; i += 2) text += `${fields[i]}: ${fields[i + 1]}\r\n`;
  return `${text}\r\n`;
};
/** Requests without a body come as the same object again and again; those with one would be kept with it. */
const knownHeadText = onceFor(headText);

/** Statuses below 100 are none. */
const isInterim = ({ status }: StrictHead): boolean => status >= 100 && status < 200 && status !== SWITCHING;

const closed = (): Error => Object.assign(new Error("it closed the connection"), { code: "ECONNRESET" });
