/**
 * A page that the web server makes slowly, or that is too large to hold: coded as it comes, flushed whenever it pauses, so
 * that time to first byte stays the origin's. SPEC section "Buffered or streamed".
 */
import type { StreamEncoder } from "../../protocol/codec/codec.ts";
import type { StreamingCodec } from "../../protocol/codec/codecs.ts";
import { SegmentedBody } from "../../protocol/codec/segment-writer.ts";
import { SPLICE_PAGE_BYTES, spliceCodec } from "../../protocol/codec/splice.ts";
import { basesDigest } from "../../protocol/frames/digests.ts";
import { isIncremental, isUnbuffered } from "../../protocol/http/incremental.ts";
import { LATE } from "../../protocol/runtime/async-queue.ts";
import type { NoBase } from "../../protocol/scope/no-base.ts";
import type { BodyEnd, UpstreamBody } from "../../protocol/upstream/body.ts";
import type { SentAnswer } from "../exchange/access-record.ts";
import type { IncomingExchange } from "../exchange/incoming-exchange.ts";
import type { AnswerDependencies, Answering } from "./answering.ts";
import {
  applyAcknowledgement,
  awaitAcknowledgement,
  type RecoverableAnswer,
} from "./await-acknowledgement.ts";
import { type Gathered, PAUSE_MS } from "./buffer-body.ts";
import {
  fittingBases,
  notOfAddress,
  offersMask,
  type UsableBase,
  whyUnused,
} from "./coding/choose-answer.ts";
import { padOf } from "./pad-answer.ts";
import { RetainedAnswer, type Unverified } from "./retained-answer.ts";

/** A streamed delta gets no further than this ahead of what the edge has verified; it is what its retains may cost. @internal */
export const MOST_UNVERIFIED_BYTES = 1024 * 1024;
/**
 * Reserved from the beginning, and enough to go on with: the edge tells of each 256 KiB, in segments of 128 KiB at most. Most pages that
 * are made slowly never come to more, and MOST_WITH_BASES of them leave half of a key's default share to its other pages. @internal
 */
export const LEAST_UNVERIFIED_BYTES = MOST_UNVERIFIED_BYTES / 2;

/**
 * From one segment to the next where the web server pauses often: what comes meanwhile goes with it, for each message costs some 40 bytes.
 * The first one waits for nothing, and the last for no more than the end. @internal
 */
export const PACE_MS = 5;

/** A page that went out as it came. */
export interface StreamedPage {
  readonly sent: SentAnswer;
  /** The whole body, if it was small enough to be remembered. */
  readonly pieces: readonly Buffer[] | undefined;
  /** The web server was waited for so long; what coding its pieces took meanwhile is no part of it. */
  readonly waitedMs: number;
}

/**
 * Resolves when the answer is over: sent, and verified where it needs an acknowledgement. Undefined, and nothing sent, when there is no
 * memory for another compressor.
 */
export const streamPage = async (
  answering: Answering,
  gathered: Gathered,
): Promise<StreamedPage | undefined> => {
  const { options, offered, exchange } = answering;
  const { codec, bases: fitting, streams } = buildingOf(answering);
  const mistrusted = options.trust.mistrusts(codec.id);
  const mayDelta = fitting.length > 0 && !mistrusted && gathered.lease.grow(LEAST_UNVERIFIED_BYTES);
  const context = options.contexts.take(mayDelta ? "withBases" : "alone");
  if (mayDelta && context !== "withBases") gathered.lease.shrink(LEAST_UNVERIFIED_BYTES);
  if (context === "none") return undefined;
  const unused = streams
    ? whyUnused(exchange.open, offered, fitting, mistrusted ? "mismatch" : "budget")
    : "streamed";
  const building =
    context === "withBases" ? { codec, bases: fitting } : { codec: options.streaming, bases: [], unused };
  const stream = new PageStream(answering, gathered, building);
  try {
    return await stream.run();
  } finally {
    stream.destroy();
    options.contexts.release(context);
  }
};

/** What a page that streams builds on. */
interface Building {
  readonly codec: StreamingCodec;
  /** Best last. */
  readonly bases: readonly UsableBase[];
  /** Why there are none. */
  readonly unused?: NoBase | undefined;
}

/** `streams`: no base was left out because the edge reads no whole units that stream. */
const buildingOf = (answering: Answering): Building & { readonly streams: boolean } => {
  const { addressed, offered, options } = answering;
  const { streaming, readsUnits, codecs } = options;
  const others = addressed ? [] : notOfAddress(answering, offered);
  const best = offered.at(-1);
  // Of a best base that is everybody's all may be copied, and that is worth more than units of the others.
  const inUnits = best !== undefined && !others.includes(best);
  if (inUnits && readsUnits && codecs.splice)
    return { codec: spliceCodec, bases: fittingBases(WITHIN_UNITS, offered, 0), streams: true };
  const bases = fittingBases(streaming, others, options.pageBytes);
  return { codec: streaming, bases, streams: !inUnits || others.length > 0 };
};

/** Units of so many bytes are found in 2 ms, and kept while the page takes. */
const WITHIN_UNITS: Pick<StreamingCodec, "accepts" | "fits"> = {
  accepts: spliceCodec.accepts,
  fits: (basesBytes) => basesBytes <= SPLICE_PAGE_BYTES,
};

class PageStream implements RecoverableAnswer {
  /** A head goes out with its tag, for the body is not known yet. */
  readonly tag = undefined;
  readonly #answering: Answering;
  readonly #exchange: IncomingExchange;
  readonly #options: AnswerDependencies;
  readonly #gathered: Gathered;
  readonly #body: UpstreamBody;
  readonly #building: Building;
  readonly #retained: RetainedAnswer;
  readonly #coded: SegmentedBody;
  #kept: Buffer[] | undefined;
  #reservedBytes = LEAST_UNVERIFIED_BYTES;
  #bytes: number;
  #waitedMs: number;
  readonly #paceMs: number;
  /** When a segment may end for a pause. */
  #nextSegment = 0;
  /** Undefined while the web server goes on. */
  #end: BodyEnd | undefined;

  constructor(answering: Answering, gathered: Gathered, building: Building) {
    const { exchange, head, options, body } = answering;
    const { codec, bases } = building;
    this.#answering = answering;
    this.#exchange = exchange;
    this.#options = options;
    this.#gathered = gathered;
    this.#body = body;
    this.#building = building;
    // A whole answer needs no acknowledgement.
    this.#retained = new RetainedAnswer(bases.length > 0 ? gathered.pieces : undefined);
    const encoder = codec.streaming.encoder(bases.map(({ version }) => version.body));
    this.#coded = new SegmentedBody(exchange, encoder);
    this.#kept = gathered.bytes <= options.pageBytes ? [...gathered.pieces] : undefined;
    this.#bytes = gathered.bytes;
    this.#waitedMs = gathered.waitedMs;
    this.#paceMs = isIncremental(exchange.request.fields) || isUnbuffered(head.fields) ? 0 : PACE_MS;
  }

  async run(): Promise<StreamedPage> {
    this.#sendHead();
    for (const piece of this.#gathered.pieces) await this.#coded.write(piece);
    while (this.#end === undefined) {
      await this.#heedEdge();
      const next = await this.#next().catch((error) => this.#cut(error));
      if (next === LATE) continue;
      if (Buffer.isBuffer(next)) await this.#piece(next);
      else this.#end = next;
    }
    await this.#finish(this.#end);
    const {
      unused: reason,
      bases: { length: bases },
    } = this.#building;
    if (bases > 0) await awaitAcknowledgement(this.#exchange, this, this.#options);
    const answer = bases > 0 ? "delta" : "whole";
    const sent = { answer, reason, bases, pageBytes: this.#bytes, streamed: true } as const;
    return { sent, pieces: this.#kept, waitedMs: this.#waitedMs };
  }

  get bytes(): number {
    return this.#retained.to;
  }

  get codec(): number | undefined {
    const { codec, bases } = this.#building;
    return bases.length > 0 ? codec.id : undefined;
  }

  releaseTo(offset: number): void {
    this.#retained.releaseTo(offset);
  }

  release(): void {
    if (this.#retained.release()) this.#gathered.lease.shrink(this.#reservedBytes);
  }

  after(offset: number): Unverified | undefined {
    return this.#retained.after(offset);
  }

  async startOver(encoder: StreamEncoder, unverified: Unverified): Promise<void> {
    await this.#coded.startOver(encoder, unverified);
    if (this.#end !== undefined) await this.#finish(this.#end);
  }

  destroy(): void {
    this.#coded.destroy();
    this.release();
  }

  #sendHead(): void {
    const { head } = this.#answering;
    const { codec, bases } = this.#building;
    if (bases.length === 0)
      return this.#exchange.answer({ kind: "whole", codec: codec.id, result: undefined }, head);
    const digest = { of: "bases", digest: basesDigest(bases.map(({ version }) => version)) } as const;
    this.#exchange.answer({ kind: "delta", codec: codec.id, offers: offersMask(bases), digest }, head);
  }

  /** The next piece; what was coded so far leaves when the origin pauses, but not too often. LATE when the edge has something to say. */
  async #next(): Promise<Buffer | BodyEnd | typeof LATE> {
    const next = await this.#wait(PAUSE_MS);
    if (next !== LATE) return next;
    const early = this.#nextSegment - this.#options.clock.now();
    const more = early > 0 ? await this.#wait(early) : LATE;
    if (more !== LATE || this.#exchange.acknowledgements.length > 0) return more;
    if (await this.#coded.mark()) this.#nextSegment = this.#options.clock.now() + this.#paceMs;
    return this.#wait();
  }

  async #wait(withinMs?: number): Promise<Buffer | BodyEnd | typeof LATE> {
    const { clock } = this.#options;
    const from = clock.now();
    const next = await this.#body.nextUnless({ clock, other: this.#exchange.acknowledgements, withinMs });
    this.#waitedMs += clock.now() - from;
    return next;
  }

  /** What came goes on before the visitor sees that it is cut. */
  async #cut(error: unknown): Promise<never> {
    await this.#coded.mark();
    throw error;
  }

  async #piece(piece: Buffer): Promise<void> {
    this.#bytes += piece.length;
    this.#retained.hold(piece);
    this.#keep(piece);
    await this.#coded.write(piece);
  }

  /** Remembers the piece for the version store, as long as the page is small enough and the budget has room. */
  #keep(piece: Buffer): void {
    if (this.#kept === undefined) return;
    const { lease } = this.#gathered;
    if (this.#bytes <= this.#options.pageBytes && lease.grow(piece.length)) {
      this.#kept.push(piece);
      return;
    }
    for (const kept of this.#kept) lease.shrink(kept.length);
    this.#kept = undefined;
  }

  async #heedEdge(): Promise<void> {
    const { acknowledgements } = this.#exchange;
    while (acknowledgements.length > 0 || !this.#mayRetainMore()) {
      const said = await acknowledgements.next();
      await applyAcknowledgement(this.#exchange, said, this, this.#options);
    }
    this.#exchange.gone.throwIfAborted();
  }

  #mayRetainMore(): boolean {
    const bytes = this.#retained.bytes - this.#gathered.bytes;
    const more = MOST_UNVERIFIED_BYTES - this.#reservedBytes;
    if (bytes > this.#reservedBytes && more > 0 && this.#gathered.lease.grow(more))
      this.#reservedBytes = MOST_UNVERIFIED_BYTES;
    return bytes <= this.#reservedBytes;
  }

  async #finish(end: BodyEnd): Promise<void> {
    await this.#coded.finish();
    const { bases } = this.#building;
    const padded = { page: `${this.#bytes}`, offered: bases, looked: bases };
    this.#exchange.end(end, padOf(this.#exchange, this.#exchange.sentBytes, padded));
  }
}
