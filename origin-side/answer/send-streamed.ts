/**
 * A page that the web server makes slowly, or that is too large to hold: coded as it comes, flushed whenever it pauses, so
 * that time to first byte stays the origin's. SPEC section "One piece or streamed".
 */
import { createHash } from "node:crypto";
import { SegmentedBody } from "../../protocol/codec/segment-writer.ts";
import { DIGEST_BYTES } from "../../protocol/frames/frame.ts";
import { LATE } from "../../protocol/runtime/async-queue.ts";
import type { BodyEnd, OriginBody } from "../../protocol/upstream/body.ts";
import type { IncomingExchange } from "../exchange/incoming-exchange.ts";
import type { AnswerGiven, Answering } from "./answering.ts";
import { type DoubtableAnswer, hearVerdict, settleAnswer } from "./await-verdict.ts";
import { type Gathered, PAUSE_MS } from "./buffer-body.ts";
import { fittingBases, offersMask, type UsableBase } from "./choose-answer.ts";
import { PinnedAnswer } from "./retained-answer.ts";

/** A streamed delta gets no further than this ahead of what the edge has proved; it is what its pins may cost. */
export const MOST_UNPROVED_BYTES = 1024 * 1024;

export interface StreamedPage {
  readonly answer: "delta" | "whole";
  readonly bases: number;
  readonly pageBytes: number;
  /** The whole body, if it was small enough to be remembered. */
  readonly pieces: readonly Buffer[] | undefined;
}

/**
 * Resolves when the answer is over: sent, and proved where it needs proof. Undefined, and nothing sent, when there is no
 * memory for another compressor.
 */
export const streamPage = async (
  answering: Answering,
  gathered: Gathered,
): Promise<StreamedPage | undefined> => {
  const { given, offered } = answering;
  const fitting = fittingBases(given.streaming, offered, given.pageBytes);
  const mayDelta = fitting.length > 0 && gathered.lease.grow(MOST_UNPROVED_BYTES);
  const context = given.contexts.take(mayDelta ? "withBases" : "alone");
  if (mayDelta && context !== "withBases") gathered.lease.shrink(MOST_UNPROVED_BYTES);
  if (context === "none") return undefined;
  const stream = new PageStream(answering, gathered, context === "withBases" ? fitting : []);
  try {
    return await stream.run();
  } finally {
    stream.destroy();
    given.contexts.release(context);
  }
};

class PageStream implements DoubtableAnswer {
  readonly pinned: PinnedAnswer;
  readonly #answering: Answering;
  readonly #exchange: IncomingExchange;
  readonly #given: AnswerGiven;
  readonly #gathered: Gathered;
  readonly #body: OriginBody;
  readonly #bases: readonly UsableBase[];
  readonly #coded: SegmentedBody;
  #kept: Buffer[] | undefined;
  #bytes: number;
  #end: BodyEnd | undefined;

  constructor(answering: Answering, gathered: Gathered, bases: readonly UsableBase[]) {
    const { exchange, given, body } = answering;
    this.#answering = answering;
    this.#exchange = exchange;
    this.#given = given;
    this.#gathered = gathered;
    this.#body = body;
    this.#bases = bases;
    this.pinned = bases.length > 0 ? pinnedOf(gathered) : nothingPinned();
    const encoder = given.streaming.streaming.encoder(bases.map(({ version }) => version.body));
    this.#coded = new SegmentedBody(exchange, encoder);
    this.#kept = gathered.bytes <= given.pageBytes ? [...gathered.pieces] : undefined;
    this.#bytes = gathered.bytes;
  }

  async run(): Promise<StreamedPage> {
    this.#sendHead();
    this.#exchange.heardVerdict = () => this.#body.arrived.interrupt();
    for (const piece of this.#gathered.pieces) await this.#coded.write(piece);
    while (this.#end === undefined) {
      await this.#hearVerdicts();
      const next = await this.#next();
      if (next === LATE) continue;
      if (Buffer.isBuffer(next)) await this.#piece(next);
      else this.#end = next;
    }
    await this.#finish(this.#end);
    if (this.#bases.length > 0)
      await settleAnswer(this.#exchange, this, { codec: this.#given.streaming, clock: this.#given.clock });
    return {
      answer: this.#bases.length > 0 ? "delta" : "whole",
      bases: this.#bases.length,
      pageBytes: this.#bytes,
      pieces: this.#kept,
    };
  }

  async startOver(...[encoder, unproved]: Parameters<DoubtableAnswer["startOver"]>): Promise<void> {
    await this.#coded.startOver(encoder, unproved);
    if (this.#end !== undefined) await this.#finish(this.#end);
  }

  destroy(): void {
    this.#exchange.heardVerdict = () => {};
    this.#coded.destroy();
    this.pinned.release();
  }

  #sendHead(): void {
    const { head } = this.#answering;
    const codec = this.#given.streaming.id;
    if (this.#bases.length === 0)
      return this.#exchange.answer({ kind: "whole", codec, result: undefined }, head);
    const proof = { of: "bases", digest: basesDigest(this.#bases) } as const;
    this.#exchange.answer({ kind: "delta", codec, offers: offersMask(this.#bases), proof }, head);
  }

  /** The next piece; what was coded so far leaves when the origin pauses. LATE when something else wants attention. */
  async #next(): Promise<Buffer | BodyEnd | typeof LATE> {
    const { arrived } = this.#body;
    const next = await arrived.nextWithin(this.#given.clock, PAUSE_MS);
    if (next !== LATE) return next;
    await this.#coded.mark();
    return this.#exchange.verdicts.length > 0 ? LATE : arrived.nextUnlessInterrupted();
  }

  async #piece(piece: Buffer): Promise<void> {
    this.#bytes += piece.length;
    this.pinned.hold(piece);
    this.#keep(piece);
    await this.#coded.write(piece);
    this.#body.taken(piece);
  }

  /** Remembers the piece for the version store, as long as the page is small enough and the budget has room. */
  #keep(piece: Buffer): void {
    if (this.#kept === undefined) return;
    const { lease } = this.#gathered;
    if (this.#bytes <= this.#given.pageBytes && lease.grow(piece.length)) {
      this.#kept.push(piece);
      return;
    }
    for (const kept of this.#kept) lease.shrink(kept.length);
    this.#kept = undefined;
  }

  async #hearVerdicts(): Promise<void> {
    const { verdicts } = this.#exchange;
    while (verdicts.length > 0 || this.pinned.bytes > MOST_UNPROVED_BYTES + this.#gathered.bytes)
      await hearVerdict(this.#exchange, await verdicts.next(), this, this.#given.streaming);
    this.#exchange.gone.throwIfAborted();
  }

  async #finish(end: BodyEnd): Promise<void> {
    await this.#coded.finish();
    this.#exchange.end(end.how, end.trailers);
  }
}

const pinnedOf = ({ pieces, lease }: Gathered): PinnedAnswer =>
  new PinnedAnswer(pieces, () => lease.shrink(MOST_UNPROVED_BYTES));

/** A whole answer needs no proof. */
const nothingPinned = (): PinnedAnswer => {
  const pinned = new PinnedAnswer([]);
  pinned.release();
  return pinned;
};

/** 16 bytes that name the bases of a streamed delta, in the order of the dictionary. */
const basesDigest = (bases: readonly UsableBase[]): string => {
  const hash = createHash("sha256");
  for (const { version } of bases) hash.update(version.fingerprint, "latin1");
  return hash.digest().toString("latin1", 0, DIGEST_BYTES);
};
