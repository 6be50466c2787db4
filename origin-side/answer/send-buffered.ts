/**
 * A page that is here as a whole: sent as `same`, `delta` or `whole`, with the 16 bytes that verify the result. One that takes long to
 * code leaves while it is coded. SPEC section "Answers".
 */

import { createHash } from "node:crypto";
import type { StreamEncoder } from "../../protocol/codec/codec.ts";
import { SegmentedBody } from "../../protocol/codec/segment-writer.ts";
import { resultDigest } from "../../protocol/frames/digests.ts";
import type { AnswerForm } from "../../protocol/frames/frame.ts";
import type { ResponseHead } from "../../protocol/http/head.ts";
import { CodedPieces } from "../../protocol/mixing/coded-in-turns.ts";
import type { Lease } from "../../protocol/runtime/memory-budget.ts";
import { ownBuffer } from "../../protocol/store/compact-buffer.ts";
import { type Fingerprint, fingerprintOf } from "../../protocol/store/fingerprint.ts";
import type { BodyEnd } from "../../protocol/upstream/body.ts";
import type { SentAnswer } from "../exchange/access-record.ts";
import type { IncomingExchange } from "../exchange/incoming-exchange.ts";
import type { Answering } from "./answering.ts";
import type { RecoverableAnswer } from "./await-acknowledgement.ts";
import {
  fittingBases,
  notOfAddress,
  offersMask,
  sameAs,
  type UsableBase,
  whyUnused,
} from "./coding/choose-answer.ts";
import { encodePage } from "./coding/encode-delta.ts";
import { isPadded, padOf } from "./pad-answer.ts";
import type { Unverified } from "./retained-answer.ts";

/** A page as it goes out. */
export interface EncodedPage {
  readonly form: AnswerForm & { readonly kind: "same" | "delta" | "whole" };
  readonly head: ResponseHead;
  /** The entity tag that the head leaves out; undefined: none. */
  readonly tag: string | undefined;
  /** What crosses the link: all of it, or the pieces while it is coded. */
  readonly coded: Uint8Array | CodedPieces;
  /** The page in a buffer of its own, or the same page's that is held already. */
  readonly body: Buffer;
  readonly fingerprint: Fingerprint;
  /** How many it builds on. */
  readonly bases: number;
  /** Which were looked at for it. */
  readonly looked: readonly UsableBase[];
  /** So far, where it is still coded. */
  encodeMs(): number;
}

const NO_BYTES = new Uint8Array(0);

/** `page` may be a piece of a larger buffer: it is copied unless it is the same as before. */
export const encodeBuffered = async (answering: Answering, page: Buffer): Promise<EncodedPage> => {
  const { offered } = answering;
  const fingerprint = fingerprintOf(page);
  const result = resultDigest(fingerprint);
  const same = sameAs(offered, fingerprint);
  const held = same?.version.body;
  const body = held?.length === page.length ? held : ownBuffer(page); // a damaged body is empty
  const { head, tag } = answering.options.omittedEtags?.leaveOut(
    answering.head,
    { body, fingerprint },
    answering.partition,
  ) ?? { head: answering.head, tag: undefined };
  const { form, coded, bases, looked, encodeMs } =
    same === undefined ? await encodeNew(answering, body, result) : sentAsSame(same, result);
  return { head, tag, body, fingerprint, form, coded, bases, looked, encodeMs };
};

type Encoded = Pick<EncodedPage, "form" | "coded" | "bases" | "looked" | "encodeMs">;

const sentAsSame = (same: UsableBase, result: string): Encoded => ({
  form: { kind: "same", offer: same.offer, result },
  coded: NO_BYTES,
  bases: 1,
  looked: [same],
  encodeMs: () => 0,
});

/** What the access log says of it. */
export const sentBuffered = (
  { form, bases, encodeMs, body }: EncodedPage,
  { exchange, offered, options }: Answering,
): SentAnswer => ({
  answer: form.kind,
  reason:
    form.kind === "whole"
      ? whyUnused(
          exchange.open,
          offered,
          fittingBases(options.streaming, offered, body.length),
          options.trust.mistrusts(options.streaming.id) ? "mismatch" : "no-gain",
        )
      : undefined,
  bases,
  encodeMs: encodeMs(),
  pageBytes: body.length,
});

const encodeNew = async (answering: Answering, body: Buffer, result: string): Promise<Encoded> => {
  const { exchange, offered, options } = answering;
  const startedAt = options.clock.now();
  const { codec, bases, looked, coded } = await encodePage(
    offered,
    body,
    options,
    exchange,
    answering.addressed ? [] : notOfAddress(answering, offered),
  );
  // The sizes of pieces, and when they leave, would tell what padding hides.
  const leaving =
    coded instanceof CodedPieces && isPadded(exchange.sizes, looked) ? await coded.all() : coded;
  let encodeMs = options.clock.now() - startedAt;
  if (leaving instanceof CodedPieces)
    leaving.isCoded.then(
      () => {
        encodeMs = options.clock.now() - startedAt;
      },
      () => undefined,
    );
  const form = formOf(codec.id, bases, result);
  return { form, coded: leaving, bases: bases.length, looked, encodeMs: () => encodeMs };
};

/**
 * Undefined, or resolves, when all of it is coded and queued, and there is room for more. Throws, or rejects with, the
 * reason of the exchange's `gone`.
 */
export const sendBuffered = (
  { form, head, coded, fingerprint, looked }: EncodedPage,
  { exchange, offered }: Answering,
  end: BodyEnd,
): Promise<void> | undefined => {
  if (coded instanceof CodedPieces) return sendPieces(exchange, { form, head, coded }, end);
  const padding = exchange.sizes && padOf(exchange, coded.length, { page: fingerprint, offered, looked });
  return exchange.answerInFull(form, head, coded, end, padding);
};

/** What a slow edge has no room for waits here among the pieces; coding goes on meanwhile. */
const sendPieces = async (
  exchange: IncomingExchange,
  { form, head, coded }: Pick<EncodedPage, "form" | "head"> & { readonly coded: CodedPieces },
  end: BodyEnd,
): Promise<void> => {
  try {
    exchange.answer(form, head);
    for (let piece = await coded.next(); piece !== undefined; piece = await coded.next())
      await exchange.data(piece);
    exchange.end(end);
  } finally {
    coded.giveUp();
  }
};

const formOf = (codec: number, bases: readonly UsableBase[], result: string): EncodedPage["form"] =>
  bases.length === 0
    ? { kind: "whole", codec, result }
    : { kind: "delta", codec, offers: offersMask(bases), digest: { of: "result", digest: result } };

/** A buffered answer that was sent, and may not verify at the edge. */
export class BufferedAnswer implements RecoverableAnswer {
  readonly bytes: number;
  readonly tag: string | undefined;
  readonly codec: number | undefined;
  readonly #exchange: IncomingExchange;
  readonly #end: BodyEnd;
  readonly #lease: Lease;
  /** Undefined once it was given up. */
  #body: Buffer | undefined;

  /** `lease`: what the page holds of the memory budget, given back with it. */
  constructor(exchange: IncomingExchange, { body, tag, form }: EncodedPage, end: BodyEnd, lease: Lease) {
    this.bytes = body.length;
    this.codec = form.kind === "delta" ? form.codec : undefined;
    this.tag = tag;
    this.#body = body;
    this.#exchange = exchange;
    this.#end = end;
    this.#lease = lease;
  }

  /** It is buffered: nothing of it is given up before all of it is verified. */
  releaseTo(): void {}

  release(): void {
    if (this.#body === undefined) return;
    this.#body = undefined;
    this.#lease.release();
  }

  after(offset: number): Unverified | undefined {
    const body = this.#body;
    if (body === undefined || offset > body.length) return undefined;
    return {
      hash: createHash("sha256").update(body.subarray(0, offset)),
      pieces: offset < body.length ? [body.subarray(offset)] : [],
    };
  }

  async startOver(encoder: StreamEncoder, { hash, pieces }: Unverified): Promise<void> {
    const plain = new SegmentedBody(this.#exchange, encoder, hash);
    try {
      for (const piece of pieces) await plain.write(piece);
      await plain.finish();
      this.#exchange.end(this.#end);
    } finally {
      plain.destroy();
    }
  }
}
