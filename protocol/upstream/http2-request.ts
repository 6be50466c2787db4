/**
 * A request over HTTP/2, on a connection that carries one at a time, as nginx has it for gRPC: so a place, a time limit and the rest of
 * the account mean what they mean for HTTP/1.1. Heads are translated, trailers go both ways, a body that breaks off resets its
 * stream. RFC 9113 section 8, SPEC section "Heads".
 */
import { STATUS_CODES } from "node:http";
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  type OutgoingHttpHeaders,
} from "node:http2";
import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { MOST_RESPONSE_FIELDS } from "../http/field-limits.ts";
import { FieldNames } from "../http/field-names.ts";
import { fieldOf, withoutFields } from "../http/head.ts";
import { grouped, type HeaderList } from "../http/header-list.ts";
import { resetStream } from "../http/reset-stream.ts";
import { AS_IT_COMES } from "../http2/as-it-comes.ts";
import { Http2Tap } from "../http2/http2-tap.ts";
import { SentHeads } from "../http2/sent-heads.ts";
import type { ConnectionUser, PooledConnection } from "./connections/pooled-connection.ts";
import type { IncomingResponse, Outgoing, RequestEvents } from "./exchange-phase.ts";
import type { WireRequest } from "./framing.ts";
import { strictValue } from "./lenient/lenient-head.ts";
import type { RawHead } from "./response-head.ts";
import { RefusedRequest } from "./upstream-failure.ts";

/** What a web server may send ahead of what is read. */
const WINDOW_BYTES = 256 * 1024;
/** Of HTTP/1.1 alone (RFC 9113 section 8.2.2), or a pseudo field of HTTP/2. */
const NOT_IN_HTTP2 = new FieldNames(["connection", "host", "transfer-encoding", "upgrade"]);

interface Spoken {
  readonly session: ClientHttp2Session;
  /** Heads and trailers, with the fields that node does not tell of. */
  readonly sent: SentHeads;
}

const SPOKEN = new WeakMap<Socket, Spoken>();

/** What comes on a connection is for its session. */
const READ_BY_SESSION: ConnectionUser = {
  bytesCame() {},
  connectionEnded() {},
  connectionFailed() {},
  connectionClosed() {},
};

/** Begins to speak HTTP/2 on a new connection. `headBytes`: of the largest response head. */
export const speakHttp2 = (socket: Socket, headBytes: number): Socket => {
  const sent = new SentHeads();
  const tap = new Http2Tap(socket, sent);
  const session = connect("http://unused.invalid", {
    createConnection: () => tap,
    settings: { enablePush: false, initialWindowSize: WINDOW_BYTES, maxHeaderListSize: headBytes },
    maxHeaderListPairs: MOST_RESPONSE_FIELDS + 1,
    ...AS_IT_COMES,
  });
  session.once("connect", () => {
    if (!session.destroyed) session.setLocalWindowSize(WINDOW_BYTES);
  });
  session.on("error", () => socket.destroy());
  session.once("close", () => socket.destroy());
  SPOKEN.set(socket, { session, sent });
  return socket;
};

/**
 * Sends the head at once, on a connection that has been given to `speakHttp2`. Throws RefusedRequest where the web server has said goodbye
 * meanwhile.
 */
export const openHttp2Request = (
  wire: WireRequest,
  connection: PooledConnection,
  events: RequestEvents,
): Outgoing => {
  const { socket } = connection;
  const spoken = SPOKEN.get(socket);
  if (spoken === undefined || spoken.session.closed || spoken.session.destroyed)
    throw new RefusedRequest("the connection is being closed");
  connection.user = READ_BY_SESSION;
  const pseudo = [":method", wire.method, ":scheme", socket instanceof TLSSocket ? "https" : "http"];
  const authority = fieldOf(wire.fields, "host");
  if (authority !== undefined) pseudo.push(":authority", authority);
  const list = [...pseudo, ":path", wire.target, ...withoutFields(wire.fields, NOT_IN_HTTP2)];
  const hasBody = wire.body !== undefined;
  const stream = spoken.session.request(list, { endStream: !hasBody, waitForTrailers: hasBody });
  return new Http2Request(spoken, stream, connection.once, events);
};

class Http2Request implements Outgoing {
  readonly chunkedEncoding = true; // trailers may follow, whatever its length
  readonly #session: ClientHttp2Session;
  readonly #sent: SentHeads;
  readonly #stream: ClientHttp2Stream;
  readonly #once: boolean;
  readonly #events: RequestEvents;
  readonly #incoming: Http2Response;
  #trailers: OutgoingHttpHeaders = {};
  /** Why this end has given it up. */
  #why: Error | undefined;
  #mostProcessed = Number.POSITIVE_INFINITY;

  constructor({ session, sent }: Spoken, stream: ClientHttp2Stream, once: boolean, events: RequestEvents) {
    this.#session = session;
    this.#sent = sent;
    this.#stream = stream;
    this.#once = once;
    this.#events = events;
    this.#incoming = new Http2Response(stream, events);
    const goaway = (_code: number, lastStreamId: number) => {
      this.#mostProcessed = lastStreamId;
    };
    session.on("goaway", goaway);
    stream.on("headers", (fields, _flags, raw?: HeaderList) => {
      const all = this.#fieldsOf(raw);
      if (all !== undefined) events.interim(headOf(fields, all));
    });
    stream.on("response", (fields, flags, raw?: HeaderList) => {
      const all = this.#fieldsOf(raw);
      if (all === undefined) return;
      this.#incoming.begin(headOf(fields, all));
      events.answered(this.#incoming);
      if ((flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0) this.#incoming.endAtOnce();
    });
    stream.on("trailers", (_fields, _flags, raw?: HeaderList) => {
      this.#incoming.trailers = this.#fieldsOf(raw) ?? [];
    });
    stream.on("wantTrailers", () => stream.sendTrailers(this.#trailers));
    stream.on("error", (error) => events.broken(this.#why ?? this.#refusal() ?? error));
    stream.once("close", () => {
      session.off("goaway", goaway);
      if (!this.#incoming.complete)
        events.broken(this.#why ?? this.#refusal() ?? new Error(`it reset the stream (${stream.rstCode})`));
      events.closed();
    });
  }

  get destroyed(): boolean {
    return this.#stream.destroyed;
  }

  get writableEnded(): boolean {
    return this.#stream.writableEnded;
  }

  get shouldKeepAlive(): boolean {
    return !this.#once && !this.#session.closed && !this.#session.destroyed;
  }

  write(bytes: Uint8Array): boolean {
    return bytes.length === 0 || this.#stream.write(bytes);
  }

  end(): void {
    this.#stream.end();
  }

  addTrailers(fields: HeaderList): void {
    this.#trailers = grouped(fields);
  }

  destroy(error?: Error): void {
    this.#why ??= error;
    resetStream(this.#stream, "cancel");
  }

  on(event: "drain" | "close", listener: () => void): this {
    this.#stream.on(event, listener);
    return this;
  }

  off(event: "drain" | "close", listener: () => void): this {
    this.#stream.off(event, listener);
    return this;
  }

  /** As it sent them, in strict form; undefined: that cannot be, and the response fails. `raw`: what node tells of. */
  #fieldsOf(raw: HeaderList = []): HeaderList | undefined {
    const sent = this.#sent.next(this.#stream.id ?? 0);
    try {
      if (sent === undefined) throw new Error("its head cannot be decoded");
      return strictFields(sent.length === raw.length ? raw : sent);
    } catch (error) {
      this.#incoming.complete = false;
      this.#events.broken(error instanceof Error ? error : new Error(String(error)));
      return undefined;
    }
  }

  /** The web server has certainly not begun to process it (RFC 9113 sections 6.8 and 8.7). */
  #refusal(): RefusedRequest | undefined {
    const { id = 0, rstCode } = this.#stream;
    const refused = rstCode === constants.NGHTTP2_REFUSED_STREAM || id > this.#mostProcessed;
    return refused ? new RefusedRequest("it refused the stream") : undefined;
  }
}

class Http2Response implements IncomingResponse {
  readonly httpVersionMajor = 2;
  statusCode: number | undefined;
  statusMessage: string | undefined;
  rawHeaders: HeaderList = [];
  complete = false;
  trailers: HeaderList = [];
  readonly #stream: ClientHttp2Stream;
  readonly #events: RequestEvents;
  #isOver = false;

  constructor(stream: ClientHttp2Stream, events: RequestEvents) {
    this.#stream = stream;
    this.#events = events;
    // A stream that is reset ends too, with code 0 even without a word; only what ends before it closes has come to its end.
    const push = stream.push.bind(stream);
    stream.push = (piece: unknown, encoding?: BufferEncoding) => {
      if (piece === null && !stream.closed) this.complete = true;
      return push(piece, encoding);
    };
  }

  begin({ statusCode, statusMessage, rawHeaders }: RawHead): void {
    this.statusCode = statusCode;
    this.statusMessage = statusMessage;
    this.rawHeaders = rawHeaders;
    this.#stream.on("data", (bytes: Buffer) => this.#events.piece(bytes));
    this.#stream.once("end", () => {
      if (this.complete) this.#over();
    });
  }

  /** Its head was all of it: known before anything of it goes on, so that it goes on as one. */
  endAtOnce(): void {
    this.complete = true;
    this.#over();
  }

  read(): unknown {
    return this.#stream.read();
  }

  pause(): void {
    this.#stream.pause();
  }

  resume(): void {
    this.#stream.resume();
  }

  #over(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#events.ended(this.trailers);
  }
}

const headOf = (fields: { readonly ":status"?: number | undefined }, rawHeaders: HeaderList): RawHead => {
  const statusCode = Number(fields[":status"]);
  return { statusCode, statusMessage: STATUS_CODES[statusCode] ?? "", rawHeaders };
};

/** Without pseudo fields, and without what no value may hold. Throws an Error as strictValue does. */
const strictFields = (all: HeaderList): HeaderList => {
  const fields: string[] = [];
  for (let i = 0; i + 1 < all.length; i += 2) {
    const name = all[i] as string;
    if (!name.startsWith(":")) fields.push(name, strictValue(name, all[i + 1] as string));
  }
  return fields;
};
