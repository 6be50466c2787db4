/**
 * HTTP/2 on a TLS connection that agreed on it: settings, the limits that keep one visitor from costing too much, and the end
 * of sessions nobody uses. RFC 9113 sections 6.5.2 and 10.5, SPEC section "Visitors".
 */
import {
  performServerHandshake,
  type SecureServerOptions,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import type { TLSSocket } from "node:tls";
import { MOST_REQUEST_FIELDS } from "../../protocol/http/field-limits.ts";
import type { HeaderList } from "../../protocol/http/header-list.ts";
import { AS_IT_COMES } from "../../protocol/http2/as-it-comes.ts";
import { Http2Tap } from "../../protocol/http2/http2-tap.ts";
import type { Timer } from "../../protocol/runtime/clock.ts";
import type { Attendance } from "./connections/pipeline-queue.ts";
import type { Http1Options } from "./http1-connection.ts";
import { readHttp2Request } from "./http2-head.ts";
import { Http2Visitor } from "./http2-visitor.ts";
import { GRACE_MS, LINGER_MS } from "./linger.ts";
import { Http2Fields } from "./parser/http2-fields.ts";
import { addressOf } from "./parser/proxied-connections.ts";
import { PieceTurns, type SmallPieceTurns } from "./parser/small-piece-turns.ts";
import { mergeSmallPieces } from "./parser/small-pieces.ts";
import { type Refused, validateHttp2, withHost } from "./validate-request.ts";

/** Requests of one visitor at a time; browsers want some dozens. @internal */
export const MOST_STREAMS = 128;
/**
 * Heads with more, or larger than `headBytes`, are refused with 431 as those of HTTP/1.1 are. What exceeds both by so
 * many is not read: its stream is reset.
 */
const MOST_FIELDS_READ = 2 * MOST_REQUEST_FIELDS;
const MOST_BYTES_BEYOND = 64 * 1024;
/** What a visitor may send ahead of what is read, per stream and altogether. */
const STREAM_WINDOW_BYTES = 256 * 1024;
const SESSION_WINDOW_BYTES = 1024 * 1024;

export interface Http2Options extends Http1Options {
  /** Of the largest head of a request. */
  readonly headBytes: number;
  readonly turns: SmallPieceTurns;
}

const sessionOptions = ({ headBytes }: Http2Options): SecureServerOptions => ({
  settings: {
    maxConcurrentStreams: MOST_STREAMS,
    maxHeaderListSize: headBytes + MOST_BYTES_BEYOND,
    initialWindowSize: STREAM_WINDOW_BYTES,
    enableConnectProtocol: true,
    enablePush: false,
  },
  maxHeaderListPairs: MOST_FIELDS_READ,
  // Megabytes that heads, queues and streams of one session may hold.
  maxSessionMemory: 16,
  maxSessionInvalidFrames: 100,
  maxSessionRejectedStreams: 100,
  maxOutstandingPings: 4,
  maxSettings: 32,
  // Streams that a visitor opens and resets at once (CVE-2023-44487): so many, then so many a second.
  streamResetBurst: 500,
  streamResetRate: 33,
  ...AS_IT_COMES,
});

export interface Http2Session {
  /** Asks for no new requests, takes those that come within GRACE_MS, ends when all are done (RFC 9113 section 6.8). */
  drain(): void;
}

/** Serves a connection that agreed on `h2`, until one of both ends it. */
export const serveHttp2 = (socket: TLSSocket, options: Http2Options): Http2Session => {
  const counted = new Http2Fields();
  const tap = new Http2Tap(socket, counted);
  const session = performServerHandshake(tap, sessionOptions(options));
  const idle = new SessionIdle(session, socket, options);
  session.on("error", () => socket.destroy());
  session.once("close", () => socket.destroySoon());
  session.once("connect", () => {
    if (!session.destroyed) session.setLocalWindowSize(SESSION_WINDOW_BYTES);
  });
  const address = addressOf(socket);
  const turns = new PieceTurns(options.turns, tap);
  session.on("stream", (stream: ServerHttp2Stream, _fields, _flags, raw: HeaderList) => {
    idle.busy(stream);
    if (!stream.endAfterHeaders) mergeSmallPieces(stream, turns);
    serveStream({ socket, address, counted }, stream, raw, options);
  });
  return {
    drain: () => {
      if (session.closed) return;
      // Behind the settings, which come first.
      const notice = () => setImmediate(() => tap.announceEnd());
      if (session.connecting) session.once("connect", notice);
      else notice();
      const ends = options.clock.after(GRACE_MS, () => setImmediate(() => session.close()));
      session.once("close", () => ends.cancel());
    },
  };
};

interface Connection {
  readonly socket: TLSSocket;
  readonly address: string;
  readonly counted: Http2Fields;
}

const serveStream = (
  { socket, address, counted }: Connection,
  stream: ServerHttp2Stream,
  raw: HeaderList,
  options: Http2Options,
): void => {
  const id = stream.id ?? 0;
  const hasBody = !stream.endAfterHeaders;
  // A request that nghttp2 has dropped a field of is another one (RFC 9113 section 8.2.1).
  const isWhole = counted.isHeadWhole(id, raw, hasBody);
  if (hasBody) stream.once("close", () => counted.closed(id));
  const request = readHttp2Request(options.underscores.without(raw));
  // An extended CONNECT is a GET that wants to become something else.
  const asked = request.protocol === undefined ? request : { ...request, method: "GET" };
  const read = isWhole ? validateHttp2(asked, options) : 400;
  const { target } = request;
  const to: string | Refused =
    typeof read === "number"
      ? read
      : options.admission.hostFor({ target, host: read.host }, socket, options.isCovered);
  const isRefused = typeof to === "number";
  const host = isRefused ? "" : to;
  const isNamed = typeof read === "number" || isRefused || host === read.host;
  const named = isNamed ? request : { ...request, authority: host, fields: withHost(request.fields, host) };
  const areTrailersWhole = (trailers: HeaderList) => counted.areTrailersWhole(id, trailers);
  const visitor = new Http2Visitor(stream, named, { address, host, areTrailersWhole }, options);
  if (!isRefused) return options.visits.serve(visitor);
  visitor.refuse(to);
  options.visits.refused(visitor, to);
};

/** Ends a session that has had no request for a while; one whose end is not taken, too. */
class SessionIdle {
  readonly #session: ServerHttp2Session;
  readonly #attendance: Attendance | undefined;
  readonly #options: Http2Options;
  #streams = 0;
  #timer: Timer | undefined;

  constructor(session: ServerHttp2Session, socket: TLSSocket, options: Http2Options) {
    this.#session = session;
    this.#attendance = options.attendanceOf(socket);
    this.#options = options;
    session.once("close", () => this.#timer?.cancel());
    this.#rest();
  }

  busy(stream: ServerHttp2Stream): void {
    if (this.#streams === 0) this.#attendance?.busy();
    this.#streams++;
    this.#timer?.cancel();
    stream.once("close", () => {
      this.#streams--;
      if (this.#streams > 0 || this.#session.destroyed) return;
      this.#attendance?.rested();
      this.#rest();
    });
  }

  #rest(): void {
    this.#timer?.cancel();
    // Timers run before sockets are read: a request that lies in one is read first.
    this.#timer = this.#options.clock.after(this.#options.keepAliveMs, () => {
      setImmediate(() => {
        if (this.#streams === 0 && !this.#session.destroyed) this.#close();
      });
    });
  }

  #close(): void {
    this.#session.close();
    this.#timer = this.#options.clock.after(LINGER_MS, () => this.#session.destroy());
  }
}
