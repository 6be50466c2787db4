/**
 * Ordinary requests, through undici's dispatch: connections are kept and used again. It refuses what is out of the
 * ordinary (`*` as target, odd values), which then goes to the other client, and it cannot bear an interim 100.
 */
import type { Socket } from "node:net";
import { Client, type Dispatcher, errors, Pool } from "undici";
import type { ResponseHead } from "../../protocol/http/head.ts";
import type { HeaderList } from "../../protocol/http/header-list.ts";
import type { OriginDialler } from "./dial-upstream.ts";
import {
  type ClientEvents,
  type ClientExchange,
  type ClientRequest,
  type OriginClient,
  RefusedRequest,
  UnaskedContinue,
} from "./http-client.ts";

export interface UndiciGiven {
  readonly dialler: OriginDialler;
  readonly connections: number;
  /** Largest response head. */
  readonly headBytes: number;
}

/** Undici wants a URL; every request brings its Host field, and the dialler knows the place. */
const SOMEWHERE = "http://origin";

export class UndiciClient implements OriginClient {
  readonly #pool: Pool;

  constructor({ dialler, connections, headBytes }: UndiciGiven) {
    this.#pool = new Pool(SOMEWHERE, {
      connections,
      pipelining: 1,
      // Silence is found by the one who asks, who knows whom it waits for.
      headersTimeout: 0,
      bodyTimeout: 0,
      maxHeaderSize: headBytes,
      factory: (url, options) => new KeptConnection(url, options, dialler),
    });
  }

  send(request: ClientRequest, events: ClientEvents): ClientExchange {
    const exchange = new UndiciExchange(events);
    const { target: path, method, fields } = request;
    this.#pool.dispatch({ path, method: method as Dispatcher.HttpMethod, headers: [...fields] }, exchange);
    exchange.throwIfRefused();
    return exchange;
  }

  async close(): Promise<void> {
    await this.#pool.destroy();
  }
}

/** One of undici's connections, which knows its socket and whether that was used before. */
class KeptConnection extends Client {
  socket: Socket | undefined;
  /** Requests that began on the socket there is now. */
  started = 0;

  constructor(url: URL | string, options: object, dialler: OriginDialler) {
    super(url, {
      ...options,
      connect: (_, connected) => {
        const use = (socket: Socket) => {
          this.socket = socket;
          this.started = 0;
          connected(null, socket);
        };
        dialler.dial({ halfOpen: false }).then(use, (error: Error) => connected(error, null));
      },
    });
  }

  override dispatch(options: Dispatcher.DispatchOptions, receiver: Dispatcher.DispatchHandler): boolean {
    if (receiver instanceof UndiciExchange) receiver.connection = this;
    return super.dispatch(options, receiver);
  }
}

/** Undici's events of one exchange, in our words. */
class UndiciExchange implements ClientExchange, Dispatcher.DispatchHandler {
  connection: KeptConnection | undefined;
  readonly #events: ClientEvents;
  #controller: Dispatcher.DispatchController | undefined;
  #aborted = false;
  #sending = true;
  #refusal: RefusedRequest | undefined;
  /** The socket had served before, and has given no byte for this request. */
  #mayBeStale = false;

  constructor(events: ClientEvents) {
    this.#events = events;
  }

  throwIfRefused(): void {
    this.#sending = false;
    if (this.#refusal !== undefined) throw this.#refusal;
  }

  pause(): void {
    this.#controller?.pause();
  }

  resume(): void {
    this.#controller?.resume();
  }

  abort(): void {
    this.#aborted = true;
    this.#controller?.abort(ABORTED);
  }

  // From here on: called by undici.

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#aborted) return controller.abort(ABORTED);
    if (this.connection !== undefined) this.#mayBeStale = this.connection.started++ > 0;
    this.#events.started();
  }

  onResponseStarted(): void {
    this.#mayBeStale = false;
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    _: unknown,
    reason?: string,
  ): void {
    const head: ResponseHead = {
      status,
      reason: reasonOf(reason ?? ""),
      fields: rawList(controller.rawHeaders),
    };
    if (status < 200) this.#events.interim(head);
    else this.#events.answered(head);
  }

  onResponseData(_: Dispatcher.DispatchController, bytes: Buffer): void {
    this.#events.piece(bytes);
  }

  onResponseEnd(controller: Dispatcher.DispatchController): void {
    // Undici takes a reset for the end of a body that has no length: a body that is known to be cut.
    const broken = this.connection?.socket?.errored;
    if (broken) this.#events.failed(broken, false);
    else this.#events.ended(rawList(controller.rawTrailers));
  }

  onResponseError(_: unknown, error: Error): void {
    if (this.#sending && (error instanceof errors.InvalidArgumentError || isUnsupported(error)))
      this.#refusal = new RefusedRequest(error);
    else if (isContinue(error)) this.#events.failed(new UnaskedContinue("", { cause: error }), false);
    else this.#events.failed(error, this.#mayBeStale);
  }
}

const ABORTED = new Error("given up");

const isUnsupported = (error: Error): boolean => error instanceof errors.NotSupportedError;

/** What undici says of a 100, and of nothing else that happens to a request. */
const isContinue = (error: Error): boolean =>
  error instanceof errors.SocketError && error.message === "bad response";

/** Undici gives raw fields as buffers or strings, in turn name and value. */
const rawList = (raw: unknown): HeaderList =>
  Array.isArray(raw)
    ? raw.map((part: unknown) => (Buffer.isBuffer(part) ? part.toString("latin1") : String(part)))
    : [];

/** Undici reads reasons as UTF-8: undone, unless bytes were lost by it; then there is none. */
const reasonOf = (reason: string): string => {
  if (/^[\x20-\x7e]*$/.test(reason)) return reason;
  return reason.includes("\ufffd") ? "" : Buffer.from(reason).toString("latin1");
};
