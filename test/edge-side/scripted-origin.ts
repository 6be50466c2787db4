/**
 * An origin side whose answers are the test's: a real link to a real edge, and each exchange that the edge opens handed to
 * the test, frame by frame. What the origin server would have got can be counted and looked at.
 */

import type { StreamErrorCode } from "../../protocol/errors.ts";
import type { AnswerForm, OpenFrame, StreamFrame } from "../../protocol/frames/frame.ts";
import { fieldOf, type RequestHead, requestHeadFromList } from "../../protocol/http/head.ts";
import type { HeaderList } from "../../protocol/http/header-list.ts";
import { LinkEndpoint } from "../../protocol/link/link.ts";
import type { Stream, StreamReceiver } from "../../protocol/link/stream.ts";
import { AsyncQueue } from "../../protocol/runtime/async-queue.ts";
import { systemClock } from "../../protocol/runtime/clock.ts";
import { MemoryBudget } from "../../protocol/runtime/memory-budget.ts";
import type { LinkKey } from "../../protocol/transport/key.ts";
import { NO_EXTENSIONS } from "../../protocol/wire/extensions.ts";
import { helloOf } from "../kit/link-pair.ts";
import { dialTunnel } from "../kit/tunnel.ts";

const NOTHING = Buffer.alloc(0);
const PASSED: AnswerForm = { kind: "passed" };

export interface RequestEnd {
  readonly how: "complete" | "closed";
  readonly body: Buffer;
  readonly trailers: HeaderList;
}

export class ScriptedExchange implements StreamReceiver {
  readonly open: OpenFrame;
  readonly request: RequestHead;
  readonly #stream: Stream;
  readonly #pieces: Buffer[] = [];
  #trailers: HeaderList = [];
  readonly #ended = Promise.withResolvers<RequestEnd>();
  readonly #gone = Promise.withResolvers<StreamErrorCode>();
  readonly #arrived = new AsyncQueue<number>();
  #room: () => void = () => {};
  /** Whether what arrives is taken at once. */
  takes = true;
  /** Bytes of the request's body so far. */
  bodyBytes = 0;
  over = false;

  constructor(stream: Stream, open: OpenFrame) {
    this.#stream = stream;
    this.open = open;
    this.request = requestHeadFromList(open.head);
    stream.listen(this);
  }

  /** Resolves when the request is complete. */
  get ended(): Promise<RequestEnd> {
    return this.#ended.promise;
  }

  /** Resolves when the edge has reset the exchange. */
  get gone(): Promise<StreamErrorCode> {
    return this.#gone.promise;
  }

  field(name: string): string | undefined {
    return fieldOf(this.request.fields, name);
  }

  /** Resolves when at least this many bytes of body are here. */
  async bodyReaches(bytes: number): Promise<Buffer> {
    while (this.bodyBytes < bytes) await this.#arrived.next();
    return Buffer.concat(this.#pieces);
  }

  interim(status: number, fields: HeaderList = []): this {
    return this.#answer({ kind: "interim" }, status, fields, false);
  }

  /** The head, and the body if it is given: then that is all. */
  answer(
    status: number | string,
    fields: HeaderList,
    body?: string | Buffer,
    form: AnswerForm = PASSED,
  ): this {
    this.#answer(form, status, fields);
    return body === undefined ? this : this.data(body).end();
  }

  data(bytes: string | Buffer): this {
    this.#stream.send({
      kind: "data",
      bytes: typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes,
    });
    return this;
  }

  /** As `data`, resolved when there is room for more. */
  async dataInTurn(bytes: Buffer): Promise<void> {
    this.data(bytes);
    while (!this.#stream.hasRoom && !this.over) {
      await new Promise<void>((resolve) => {
        this.#room = resolve;
      });
    }
  }

  end(how: "complete" | "closed" = "complete", trailers: HeaderList = []): this {
    if (trailers.length > 0) this.#stream.send({ kind: "trailers", head: trailers });
    this.#stream.send({ kind: "end", how, extensions: NO_EXTENSIONS });
    return this;
  }

  reset(code: StreamErrorCode): void {
    // Called by the stream, when the edge has reset it.
    this.over = true;
    this.#room();
    this.#gone.resolve(code);
  }

  fail(code: StreamErrorCode): void {
    this.#stream.reset(code);
  }

  refuseBody(): this {
    this.#stream.stopSending("cancelled");
    return this;
  }

  take(bytes: number): void {
    this.#stream.taken(bytes);
  }

  frame(frame: StreamFrame): void {
    if (frame.kind === "trailers") this.#trailers = frame.head;
    const bytes = frame.kind === "data" ? frame.bytes : frame.kind === "open" ? frame.body : NOTHING;
    if (bytes.length > 0) {
      this.#pieces.push(Buffer.from(bytes));
      this.bodyBytes += bytes.length;
      this.#arrived.push(bytes.length);
      if (this.takes) this.#stream.taken(bytes.length);
    }
    const ended = frame.kind === "end" || (frame.kind === "open" && frame.ended);
    const how = frame.kind === "end" ? frame.how : "complete";
    if (ended) this.#ended.resolve({ how, body: Buffer.concat(this.#pieces), trailers: this.#trailers });
  }

  room(): void {
    this.#room();
  }

  #answer(form: AnswerForm, status: number | string, fields: HeaderList, ended = false): this {
    const head = [":status", String(status), ...fields];
    const frame = {
      kind: "answer",
      ended,
      form,
      head,
      blockBytes: 0,
      extensions: NO_EXTENSIONS,
      body: NOTHING,
    } as const;
    this.#stream.send(frame);
    return this;
  }
}

export interface ScriptedOrigin {
  /** Exchanges that were opened altogether. */
  readonly count: number;
  /** The next one that no script has taken. */
  next(): Promise<ScriptedExchange>;
  /** From now on every exchange goes to this script; undefined: to `next` again. */
  script(run: ((exchange: ScriptedExchange) => void) | undefined): void;
  close(): void;
}

export const dialScripted = async (port: number, key: LinkKey): Promise<ScriptedOrigin> => {
  const waiting = new AsyncQueue<ScriptedExchange>();
  let count = 0;
  let script: ((exchange: ScriptedExchange) => void) | undefined;
  const up = Promise.withResolvers<void>();
  const link = new LinkEndpoint({
    transport: await dialTunnel(port, { mode: "plain" }),
    hello: helloOf("origin", { headBytes: 64 * 1024, streams: 1_000 }),
    keyProof: { by: "dialler", keyId: key.id, secret: key.secret },
    behindBalancer: false,
    clock: systemClock,
    heartbeatMs: 60_000,
    handshakeMs: 5_000,
    memory: new MemoryBudget({ totalBytes: 2 ** 26, shareBytes: 2 ** 26 }),
    events: {
      up: () => up.resolve(),
      opened(stream, open) {
        count++;
        const exchange = new ScriptedExchange(stream, open);
        if (script === undefined) waiting.push(exchange);
        else script(exchange);
      },
      forget() {},
      pushed() {},
      draining() {},
      closed: ({ code, message }) => up.reject(new Error(`${code}: ${message}`)),
    },
  });
  await up.promise;
  return {
    get count() {
      return count;
    },
    next: () => waiting.next(),
    script(run) {
      script = run;
    },
    close: () => link.close("shutting-down", "the test is over"),
  };
};
