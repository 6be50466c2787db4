/**
 * What this side does for the edges that it has links to: it answers their exchanges, forgets what they ask it to forget, and
 * takes the versions that they push. What the exchanges of one link share is made once, when the link is up.
 */
import { agreedCodecs, STREAMING_CODEC } from "../../protocol/codec/codecs.ts";
import { ZSTD_MOST_BYTES } from "../../protocol/codec/zstd.ts";
import { MASKED_TOKENS, UNITS_READ } from "../../protocol/frames/answer-form.ts";
import { OMITTED_ETAGS } from "../../protocol/frames/etag-formulas.ts";
import { LATER_OFFERS, type OpenFrame, type VersionFrame } from "../../protocol/frames/frame.ts";
import { MIXED_SPLICES } from "../../protocol/frames/mixed-splices.ts";
import { CODED_REQUESTS } from "../../protocol/frames/request-coding.ts";
import type { Link } from "../../protocol/link/link-api.ts";
import type { Stream } from "../../protocol/link/stream.ts";
import { LongLived } from "../../protocol/runtime/long-lived.ts";
import { TaskSet } from "../../protocol/runtime/task-set.ts";
import { partitionOf } from "../../protocol/store/partition.ts";
import { CodecTrust } from "../answer/coding/codec-trust.ts";
import { CompressorLimits } from "../answer/compressor-limits.ts";
import { KnownSessions } from "../answer/known-sessions.ts";
import { OmittedEtags } from "../answer/omit-etag.ts";
import { SlowPages } from "../answer/slow-pages.ts";
import { IncomingExchange } from "../exchange/incoming-exchange.ts";
import { MislabellingRoutes } from "../exchange/mislabelling-routes.ts";
import { StrongTags } from "../exchange/strong-tags.ts";
import { PushReceiver } from "../links/accept-push.ts";
import type { LinkService, ServedLink } from "../links/serve-link.ts";
import { RequestDecoders } from "../request/decode-body.ts";
import { answerEdge, type ExchangeDependencies } from "./answer-edge.ts";

/** What all links share. */
export interface EdgeServiceDependencies
  extends Pick<ExchangeDependencies, "clock" | "log" | "store" | "memory" | "load" | "routes" | "accessLog"> {
  /** Codecs for pages that this side speaks, by number, the preferred one first. */
  readonly codecs: readonly number[];
  /** Of the largest page that this side remembers. */
  readonly pageBytes: number;
}

export class EdgeService implements LinkService {
  readonly #options: EdgeServiceDependencies;
  readonly #shared: Pick<
    ExchangeDependencies,
    "contexts" | "longLived" | "sessions" | "strongTags" | "mislabelling" | "slowPages"
  >;
  /** Deltas that edges could not rebuild so far, by the codec's name. */
  readonly codecMismatches = new Map<string, number>();
  readonly #omittedEtags: OmittedEtags;
  readonly #pushes: PushReceiver;
  readonly #underWay = new TaskSet();

  constructor(options: EdgeServiceDependencies) {
    this.#options = options;
    this.#shared = {
      contexts: new CompressorLimits(),
      longLived: new LongLived(),
      sessions: new KnownSessions(),
      strongTags: new StrongTags(),
      mislabelling: new MislabellingRoutes(options),
      slowPages: new SlowPages(),
    };
    this.#omittedEtags = new OmittedEtags(options.load);
    this.#pushes = new PushReceiver(options);
  }

  serve(link: Link): ServedLink {
    return new EdgeOfLink(link, this.#contextOf(link), {
      pushes: this.#pushes,
      underWay: this.#underWay,
    });
  }

  /** Ends event streams and upgraded connections, from now on too. */
  cutLongLived(): void {
    this.#shared.longLived.cutAll();
  }

  /** Resolves when all that edges have asked for is over. */
  over(): Promise<void> {
    return this.#underWay.over();
  }

  #contextOf(link: Link): ExchangeDependencies {
    const { keyId, peer, headBytes, label } = link;
    const { codecs, pageBytes, ...options } = this.#options;
    return {
      ...options,
      ...this.#shared,
      keyId,
      label,
      headBytes,
      codecs: agreedCodecs(codecs, peer.codecs),
      trust: new CodecTrust({ ...options, keyId, mismatches: this.codecMismatches }),
      streaming: STREAMING_CODEC,
      pageBytes: Math.min(pageBytes, peer.pageBytes, ZSTD_MOST_BYTES),
      laterOffers: peer.features.includes(LATER_OFFERS),
      codedRequests: peer.features.includes(CODED_REQUESTS),
      edgeInstance: peer.instanceId,
      requestDecoders: new RequestDecoders(),
      foldsTokens: peer.features.includes(MASKED_TOKENS),
      readsUnits: peer.features.includes(UNITS_READ),
      readsMixed: peer.features.includes(MIXED_SPLICES),
      omittedEtags: peer.features.includes(OMITTED_ETAGS) ? this.#omittedEtags : undefined,
    };
  }
}

class EdgeOfLink implements ServedLink {
  readonly #link: Link;
  readonly #context: ExchangeDependencies;
  readonly #pushes: PushReceiver;
  readonly #underWay: TaskSet;

  constructor(
    link: Link,
    context: ExchangeDependencies,
    { pushes, underWay }: { readonly pushes: PushReceiver; readonly underWay: TaskSet },
  ) {
    this.#link = link;
    this.#context = context;
    this.#pushes = pushes;
    this.#underWay = underWay;
  }

  opened(stream: Stream, open: OpenFrame): void {
    const exchange = new IncomingExchange(stream, open, this.#context);
    this.#underWay.add(answerEdge(exchange, this.#context));
  }

  forget(host: string, url: string): void {
    const { store, keyId, log } = this.#context;
    const erased = store.forget({ partition: partitionOf({ keyId, host }) }, url || undefined);
    log.info("versions erased", { host, url, erased });
  }

  pushed(version: VersionFrame): void {
    this.#underWay.add(this.#pushes.take(this.#link, version).then(() => {}));
  }
}
