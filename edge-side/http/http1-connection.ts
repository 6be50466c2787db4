/**
 * HTTP/1.x on a listener: node's parser with every limit written down, what it lets through screened (validate-request), and
 * what it refuses answered with the right status. One request at a time per connection. SPEC section "Visitors".
 */
import type { IncomingMessage, Server, ServerOptions, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { sayLimit } from "../../protocol/daemon/limit-log.ts";
import type { MemoryBudget } from "../../protocol/runtime/memory-budget.ts";
import { codeOf } from "../../protocol/runtime/user-error.ts";
import type { EdgeConfig } from "../config/edge-config.ts";
import { priorityOf, type VisitorTaker } from "../exchange/visitor.ts";
import { VisitorConnection } from "../exchange/visitor-connection.ts";
import type { Admission, Covers } from "./admission.ts";
import { type Attendance, PipelineQueue } from "./connections/pipeline-queue.ts";
import { type ErrorPage, logLimit, rawErrorPage } from "./errors/error-page.ts";
import { Http1Visitor, type VisitorOptions } from "./http1-visitor.ts";
import { closeAndDrop, dropRest } from "./linger.ts";
import { ParkedUpgrade } from "./parked-upgrade.ts";
import { statusOf } from "./parser/parser-error.ts";
import { addressOf, isSilent } from "./parser/proxied-connections.ts";
import { headBytesOf, isSameHead, isSmallHead, type RawHead } from "./parser/raw-head.ts";
import { restingRequests } from "./parser/resting-request.ts";
import type { SmallPieceTurns } from "./parser/small-piece-turns.ts";
import { headWithoutUpgrade, upgradeBodyOf } from "./upgrade-body.ts";
import { UpgradeVisitor } from "./upgrade-visitor.ts";
import { type ReadHead, type Refused, refusedHead, validateHttp1, withHost } from "./validate-request.ts";

export interface Http1Options extends VisitorOptions {
  readonly targetBytes: number;
  readonly admission: Admission;
  /** A connection without a request ends after this. */
  readonly keepAliveMs: number;
  readonly isCovered: Covers;
  /** Whom to tell of the requests of a connection. */
  attendanceOf(socket: Socket): Attendance | undefined;
  /** What requests that wait on connections may take altogether. */
  readonly waitingRequests: MemoryBudget;
  readonly visits: VisitorTaker;
}

/** How often node looks for heads that are late: a quarter of their time, or a second for short ones. */
const checksMs = (idleMs: number): number =>
  Math.ceil(Math.max(Math.min(idleMs / 4, 30_000), Math.min(1_000, idleMs / 2)));

/** For node to create a server with, which is then given to `serveHttp1`. */
export const http1Options = ({ limits, times }: EdgeConfig, turns: SmallPieceTurns): ServerOptions => ({
  maxHeaderSize: limits.headBytes,
  // A head has to come within the time; a body may take as long as it likes, and only silence ends it (inactivity-timer).
  headersTimeout: times.idleMs,
  requestTimeout: 0,
  connectionsCheckingInterval: checksMs(times.idleMs),
  keepAliveTimeout: times.keepAliveMs,
  insecureHTTPParser: false,
  requireHostHeader: false, // answered with a page like all others
  noDelay: true,
  optimizeEmptyRequests: true, // no events of a stream for a body that there is not
  IncomingMessage: restingRequests(turns),
});

/** Takes over the events of a server made with `http1Options`. */
export const serveHttp1 = (server: Server, options: Http1Options): void => {
  // Bytes are limited, not lines: node would leave out those beyond its number without a word.
  server.maxHeadersCount = 0;
  // What node does with a connection: before whoever else may listen.
  const [takeUp] = server.listeners(options.traits.scheme === "https" ? "secureConnection" : "connection");
  const connections = new WeakMap<Duplex, Connection>();
  const connectionOf = (socket: Socket): Connection => {
    const known = connections.get(socket);
    const connection = known ?? new Connection(socket, options, () => takeUp?.call(server, socket));
    if (known === undefined) connections.set(socket, connection);
    return connection;
  };
  const request = (request: IncomingMessage, response: ServerResponse) =>
    connectionOf(request.socket).request(request, response);
  server.on("request", request).on("checkContinue", request).on("checkExpectation", request);
  server.on("upgrade", (request, _, early) => connectionOf(request.socket).upgrade(request, early));
  server.on("connect", (request, _, early) => connectionOf(request.socket).end(405, request, early));
  server.on("timeout", (socket) => closeIfNothingCame(socket));
  server.on("clientError", (error, socket) => connectionOf(socket as Socket).parseError(error));
};

/**
 * The keep-alive time of a connection is over. When the program was busy, a request may lie in the socket: timers run before
 * sockets are read, so another turn decides. Node closes by itself only where nobody listens for this.
 */
const closeIfNothingCame = (socket: Socket): void => {
  const { bytesRead } = socket;
  setImmediate(() => {
    if (socket.bytesRead === bytesRead) socket.destroySoon();
  });
};

/** One connection of a visitor. */
class Connection {
  readonly #socket: Socket;
  readonly #options: Http1Options;
  readonly #turns: PipelineQueue;
  #current: Http1Visitor | undefined;
  /** The last head that was no reason to refuse the request, unless it is a large one. */
  #last: (RawHead & { read: ReadHead }) | undefined;
  /** Whose response was the last one, or is being written. */
  #request: IncomingMessage | undefined;
  readonly #takeUp: () => void;
  /** Bytes read when it was taken up again, until its next request. */
  #restsSince: number | undefined;
  #stopRest: () => void = () => {};

  /** `takeUp`: reads requests from it again, after node has let go of it. */
  constructor(socket: Socket, options: Http1Options, takeUp: () => void) {
    this.#takeUp = takeUp;
    this.#socket = socket;
    this.#options = { ...options, connection: new VisitorConnection() };
    const attendance = options.attendanceOf(socket);
    attendance?.cutBy(() => this.#current?.cut());
    this.#turns = new PipelineQueue(
      socket,
      {
        attendance,
        ended: (limit) => sayLimit(options.log, limit, { address: addressOf(socket) }),
      },
      options.waitingRequests.lease(""),
    );
    this.#lingerAtEnd();
  }

  request(request: IncomingMessage, response: ServerResponse): void {
    this.#wake();
    const screened = this.#screen(request);
    if (typeof screened === "number") return this.refuseQueued(request, response, screened);
    this.#turns.take(
      (done) => {
        this.#request = request;
        this.#serve(new Http1Visitor(request, response, screened, this.#options, done));
      },
      this.#turns.busy ? headBytesOf(request) : 0,
    );
  }

  upgrade(request: IncomingMessage, early: Buffer): void {
    this.#wake();
    const screened = this.#screen(request);
    if (typeof screened === "number") return this.end(screened, request, early);
    const parked = new ParkedUpgrade(this.#socket, early, () => this.#current);
    const { clock, idleMs, bodyBytes } = this.#options;
    const giveBack = (done: () => void) => {
      this.#request = undefined;
      this.#rest();
      done();
    };
    this.#turns.take((done) => {
      parked.body(upgradeBodyOf(request, bodyBytes), clock, idleMs, (read) => {
        const sent = parked.over();
        if (typeof read === "string") {
          this.#readAnew(request, sent);
          return done();
        }
        const ask = { request, head: screened, ...read };
        this.#serve(new UpgradeVisitor(ask, this.#options, () => giveBack(done)));
      });
    });
  }

  /** Lets node read a request without the word that made it let go of the connection, and what came behind its head. */
  #readAnew(request: IncomingMessage, behind: Buffer): void {
    const socket = this.#socket;
    // What came while others were served may have been all, and then nothing can be read any more.
    if (socket.readableEnded) return socket.destroySoon();
    socket.pause();
    socket.unshift(Buffer.concat([headWithoutUpgrade(request), behind]));
    this.#takeUp();
    socket.resume();
  }

  /** Refuses a request that could be read; nothing after it on this connection is. */
  refuseQueued(request: IncomingMessage, response: ServerResponse, status: Refused): void {
    // Its body can be skipped, so this visitor may go on.
    const goesOn = status === 413 || status === 405;
    const refuse = () => {
      this.#request = request;
      const { fields, body } = this.#refuse(status, request);
      if (!goesOn) response.shouldKeepAlive = false;
      response.writeHead(status, [...fields]);
      response.end(body);
      if (response.shouldKeepAlive && !request.complete) dropRest(request, this.#options);
    };
    if (!goesOn) return this.#turns.close(refuse);
    this.#turns.take((done) => {
      response.once("close", done);
      refuse();
    });
  }

  /** Refuses what is no request that HTTP/1.1 could go on after. `early`: what came behind its head, where node let go of the connection. */
  end(status: number, request?: IncomingMessage, early?: Buffer): void {
    const parked = early && new ParkedUpgrade(this.#socket, early, () => this.#current);
    this.#turns.close(() => {
      parked?.over();
      const page = this.#refuse(status, request);
      if (!this.#socket.writable) return this.#socket.destroy();
      closeAndDrop(this.#socket, rawErrorPage(status, page), this.#options);
    });
  }

  /** Tells the logs; returns what the visitor is told. */
  #refuse(status: number, request: IncomingMessage | undefined): ErrorPage {
    const { log, errorPages, visits, traits } = this.#options;
    const address = addressOf(this.#socket);
    logLimit(log, status, address);
    const { fields, body: text } = errorPages.of(status);
    const body = request?.method === "HEAD" ? "" : text;
    const known = { address, scheme: traits.scheme, sentBytes: Buffer.byteLength(body) };
    if (request !== undefined) visits.refused({ ...refusedHead(request), ...known }, status);
    return { fields, body };
  }

  parseError(
    error: NodeJS.ErrnoException & { readonly rawPacket?: Buffer; readonly bytesParsed?: number },
  ): void {
    const code = codeOf(error);
    // Bytes after a request that was to be the last: nobody reads them.
    if (code === "HPE_CLOSED_CONNECTION" && this.#current !== undefined) return;
    // Node takes a connection that it reads again for a new one, which has to say something soon.
    if (code === "ERR_HTTP_REQUEST_TIMEOUT" && this.#socket.bytesRead === this.#restsSince) return;
    const status = statusOf(code, error.rawPacket, error.bytesParsed ?? 0, this.#options.targetBytes);
    // The connection itself broke, or it never said anything.
    if (status === undefined || (status === 408 && isSilent(this.#socket))) {
      this.#socket.destroy();
      return;
    }
    const current = this.#current;
    if (current !== undefined && !current.complete) return current.breakOff();
    this.end(status);
  }

  /** Waits for the next request, as node does itself after other responses. */
  #rest(): void {
    const socket = this.#socket;
    this.#takeUp();
    this.#restsSince = socket.bytesRead;
    const { clock, keepAliveMs } = this.#options;
    const rested = clock.after(keepAliveMs, () => closeIfNothingCame(socket));
    this.#stopRest = () => {
      rested.cancel();
      socket.off("close", this.#stopRest);
    };
    socket.once("close", this.#stopRest);
  }

  #wake(): void {
    this.#restsSince = undefined;
    this.#stopRest();
  }

  #serve(visitor: Http1Visitor): void {
    this.#current = visitor;
    this.#options.visits.serve(visitor);
  }

  #screen(request: IncomingMessage): ReadHead | Refused {
    const read = this.#read(request);
    if (typeof read === "number") return read;
    const { admission, isCovered } = this.#options;
    const host = admission.hostFor(read, this.#socket, isCovered);
    if (host === 421 || host === read.host) return host === 421 ? host : read;
    return { ...read, host, authority: host, fields: withHost(read.fields, host) };
  }

  /** Visitors ask again and again with the very same head: it is read once. */
  #read(request: IncomingMessage): ReadHead | Refused {
    const last = this.#last;
    if (last !== undefined && isSameHead(last, request)) {
      if (last.read.repeated === undefined) last.read = { ...last.read, repeated: {} };
      return last.read;
    }
    const validated = validateHttp1(request, this.#options);
    if (typeof validated === "number") return validated;
    const fields = this.#options.underscores.without(validated.fields);
    const address = addressOf(this.#socket);
    const read = { ...validated, fields, ...priorityOf(fields), address, repeated: undefined };
    const { method, url, httpVersion, rawHeaders } = request;
    this.#last = isSmallHead([method ?? "", url ?? "", ...rawHeaders])
      ? { method, url, httpVersion, rawHeaders, read }
      : undefined;
    return read;
  }

  /** Node closes a connection that is not kept by this, as soon as its last response is written. */
  #lingerAtEnd(): void {
    const socket = this.#socket;
    const close = socket.destroySoon.bind(socket);
    socket.destroySoon = () => {
      const request = this.#request;
      if (request === undefined || request.complete || !socket.writable) return close();
      socket.end();
      dropRest(request, this.#options, close);
    };
  }
}
