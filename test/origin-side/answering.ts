/**
 * The origin side's whole story over a link in memory: a test speaks frames as an edge, and bytes as a web server.
 */

import { zstdDecompressSync } from "node:zlib";
import { CompressorLimits } from "../../origin-side/answer/compressor-limits.ts";
import { KnownSessions } from "../../origin-side/answer/known-sessions.ts";
import { SlowPages } from "../../origin-side/answer/slow-pages.ts";
import type { Route } from "../../origin-side/config/route-config.ts";
import type { ExchangeRecord } from "../../origin-side/exchange/access-record.ts";
import { IncomingExchange } from "../../origin-side/exchange/incoming-exchange.ts";
import { MislabellingRoutes } from "../../origin-side/exchange/mislabelling-routes.ts";
import { StrongTags } from "../../origin-side/exchange/strong-tags.ts";
import type { ExchangeDependencies } from "../../origin-side/proxy/answer-edge.ts";
import { answerEdge } from "../../origin-side/proxy/answer-edge.ts";
import { routedTo } from "../../origin-side/proxy/routes.ts";
import { RequestDecoders } from "../../origin-side/request/decode-body.ts";
import { RouteTable } from "../../origin-side/upstream/route-table.ts";
import { Upstream } from "../../origin-side/upstream/upstream.ts";
import { Upstreams } from "../../origin-side/upstream/upstreams.ts";
import { STREAMING_CODEC } from "../../protocol/codec/codecs.ts";
import type { StreamErrorCode } from "../../protocol/errors.ts";
import type { AnswerFrame, OpenFrame, StreamFrame } from "../../protocol/frames/frame.ts";
import { type ResponseHead, responseHeadFromList } from "../../protocol/http/head.ts";
import type { HeaderList } from "../../protocol/http/header-list.ts";
import { systemClock } from "../../protocol/runtime/clock.ts";
import { LongLived } from "../../protocol/runtime/long-lived.ts";
import { MemoryBudget } from "../../protocol/runtime/memory-budget.ts";
import { VersionStore } from "../../protocol/store/version-store.ts";
import { NO_EXTENSIONS } from "../../protocol/wire/extensions.ts";
import { GET, greetedPair, type LinkPair, Listener } from "../kit/link-pair.ts";
import { silentLog } from "../kit/silent-log.ts";
import { TRUSTED } from "../kit/trusted.ts";
import { HEAD_BYTES } from "../protocol/asking.ts";

const ZSTD_MAGIC = Buffer.from("28b52ffd", "hex");

/** An answer as the edge has it, in full. */
export interface Answer {
  readonly interims: readonly ResponseHead[];
  readonly head: ResponseHead;
  readonly form: AnswerFrame["form"]["kind"];
  /** The page, or the bytes that were passed. */
  readonly body: Buffer;
  readonly trailers: HeaderList;
  readonly how: "complete" | "closed" | undefined;
  /** Undefined unless the stream was reset. */
  readonly reset: StreamErrorCode | undefined;
  readonly stopped: boolean;
}

/** One request, as an edge sees it. */
export class EdgeExchange {
  readonly listener: Listener;
  #wake: () => void = () => {};

  constructor(listener: Listener) {
    this.listener = listener;
    const heardReset = listener.reset.bind(listener);
    listener.reset = (code) => {
      heardReset(code);
      this.#wake();
    };
    listener.onFrame = () => this.#wake();
  }

  data(bytes: string | Buffer): this {
    this.listener.stream.send({ kind: "data", bytes: Buffer.from(bytes as string, "latin1") });
    return this;
  }

  trailers(head: HeaderList): this {
    this.listener.stream.send({ kind: "trailers", head });
    return this;
  }

  end(how: "complete" | "closed" = "complete"): this {
    this.listener.stream.send({ kind: "end", how, extensions: NO_EXTENSIONS });
    return this;
  }

  leave(): void {
    this.listener.stream.reset("cancelled");
  }

  get frames(): readonly StreamFrame[] {
    return this.listener.frames;
  }

  /** Bytes of body so far, decoded by nobody. */
  get received(): Buffer {
    return this.listener.body;
  }

  async until(met: () => boolean): Promise<void> {
    while (!met()) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  heard(kind: StreamFrame["kind"]): Promise<void> {
    return this.until(() => this.listener.kinds.includes(kind));
  }

  async answer(): Promise<Answer> {
    const ended = () =>
      this.frames.some((frame) => frame.kind === "end" || (frame.kind === "answer" && frame.ended));
    await this.until(() => ended() || this.listener.resets.length > 0);
    const answers = this.frames.filter((frame) => frame.kind === "answer");
    const interims = answers.filter(({ form }) => form.kind === "interim");
    const last = answers.find(({ form }) => form.kind !== "interim");
    const coded = last?.form.kind === "whole" && this.listener.resets.length === 0;
    const end = this.frames.find((frame) => frame.kind === "end");
    const trailers = this.frames.find((frame) => frame.kind === "trailers");
    return {
      interims: interims.map(({ head }) => responseHeadFromList(head)),
      head: responseHeadFromList(last?.head ?? [":status", "999"]),
      form: last?.form.kind ?? "interim",
      body: coded ? zstdDecompressSync(Buffer.concat([ZSTD_MAGIC, this.received])) : this.received,
      trailers: trailers?.head ?? [],
      how: end?.how ?? (last?.ended ? "complete" : undefined),
      reset: this.listener.resets[0],
      stopped: this.listener.kinds.includes("stopSending"),
    };
  }
}

export class Answering implements AsyncDisposable {
  readonly records: ExchangeRecord[] = [];
  readonly memory: MemoryBudget;
  readonly pair: LinkPair;
  readonly #upstream: Upstream;
  readonly #store: VersionStore;
  #over: () => void = () => {};
  #running = 0;

  private constructor(pair: LinkPair, route: Route, more: Partial<ExchangeDependencies>) {
    this.pair = pair;
    this.memory = new MemoryBudget({ totalBytes: 2 ** 27, shareBytes: 2 ** 26 });
    this.#upstream = new Upstream(route, { clock: systemClock, headBytes: HEAD_BYTES });
    const table = new RouteTable([new Upstreams([this.#upstream])]);
    const routes: ExchangeDependencies["routes"] = {
      find(host, request) {
        const upstreams = table.find(host, request.target);
        return upstreams && routedTo(upstreams, request);
      },
    };
    this.#store = new VersionStore({
      clock: systemClock,
      bytes: 2 ** 26,
      lifetimes: { sessionMs: 3_600_000, noStoreMs: 600_000 },
    });
    const options: ExchangeDependencies = {
      keyId: "shop",
      clock: systemClock,
      store: this.#store,
      memory: this.memory,
      contexts: new CompressorLimits(),
      sessions: new KnownSessions(),
      strongTags: new StrongTags(),
      slowPages: new SlowPages(),
      longLived: new LongLived(),
      mislabelling: new MislabellingRoutes({ clock: systemClock, log: silentLog }),
      codecs: { splice: false, page: STREAMING_CODEC },
      load: () => 0,
      foldsTokens: true,
      readsUnits: true,
      readsMixed: true,
      readsMixedUnits: true,
      trust: TRUSTED,
      streaming: STREAMING_CODEC,
      pageBytes: 2 ** 20,
      codedRequests: true,
      edgeInstance: "an edge",
      requestDecoders: new RequestDecoders(),
      headBytes: 32 * 1024,
      routes,
      accessLog: { write: (record) => this.records.push(record) },
      log: silentLog,
      ...more,
    };
    pair.origin.onOpened = (listener, open: OpenFrame) => {
      this.#running++;
      void answerEdge(new IncomingExchange(listener.stream, open, options), options).finally(() => {
        this.#running--;
        this.#over();
      });
    };
  }

  static async through(route: Route, more: Partial<ExchangeDependencies> = {}): Promise<Answering> {
    return new Answering(await greetedPair({ hello: { streamBytes: 64 * 1024 } }), route, more);
  }

  /** `body`: what comes with the head; undefined: more follows, or an end does. */
  ask(
    method: string,
    target: string,
    more: { readonly fields?: HeaderList; readonly ended?: boolean; readonly body?: string } = {},
  ): EdgeExchange {
    const head = [":method", method, ":target", target, "Host", "www.example.com", ...(more.fields ?? [])];
    const item = GET(target, {
      head,
      ended: more.ended ?? true,
      body: Buffer.from(more.body ?? "", "latin1"),
    });
    return new EdgeExchange(new Listener(this.pair.edge.link.open(item)));
  }

  /** Resolves when no exchange is under way. */
  async idle(): Promise<void> {
    while (this.#running > 0) {
      await new Promise<void>((resolve) => {
        this.#over = resolve;
      });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.pair.close();
    await this.idle();
    await this.#upstream.close();
    this.#store.close();
  }
}
