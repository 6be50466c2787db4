/**
 * What the edge says of an answer that needs proof: it is proved up to some offset, or doubted, and then the plain bytes
 * from the last proved one on follow on the same stream, from what is pinned. SPEC section "Proof".
 */
import type { StreamEncoder } from "../../protocol/codec/codec.ts";
import type { StreamingCodec } from "../../protocol/codec/codecs.ts";
import { StreamError } from "../../protocol/errors.ts";
import { LATE } from "../../protocol/runtime/async-queue.ts";
import type { Clock } from "../../protocol/runtime/clock.ts";
import type { IncomingExchange, Verdict } from "../exchange/incoming-exchange.ts";
import type { PinnedAnswer, Unproved } from "./retained-answer.ts";

/** An answer stays pinned this long after its last byte was queued; then a doubt can only end the stream. @internal */
export const PIN_MS = 30_000;

/** An answer that the edge may doubt. */
export interface DoubtableAnswer {
  readonly pinned: PinnedAnswer;
  /** The ETag that its head left out, for who cannot make it of the body. */
  readonly tag?: string | undefined;
  /** Codes anew what is not proved, and what of the answer is still to come. */
  startOver(encoder: StreamEncoder, unproved: Unproved): Promise<void>;
}

/** Takes a verdict to heart. Throws StreamError("unproved") for a doubt about bytes that are not pinned any more. */
export const hearVerdict = async (
  exchange: IncomingExchange,
  verdict: Verdict,
  answer: DoubtableAnswer,
  codec: StreamingCodec,
): Promise<void> => {
  if (verdict.kind === "proved") return answer.pinned.releaseTo(verdict.offset);
  const unproved = answer.pinned.after(verdict.offset);
  if (unproved === undefined)
    throw new StreamError(
      "unproved",
      `the edge asks for bytes from ${verdict.offset} on, which are not pinned`,
    );
  exchange.resume(verdict.offset, codec.id, answer.tag);
  await answer.startOver(codec.streaming.encoder([]), unproved);
  answer.pinned.release(); // plain bytes are not doubted again
};

/** After the end was queued: waits until every byte is proved. */
export const settleAnswer = async (
  exchange: IncomingExchange,
  answer: DoubtableAnswer,
  given: { readonly codec: StreamingCodec; readonly clock: Clock },
): Promise<void> => {
  for (;;) {
    let verdict = await exchange.verdicts.nextWithin(given.clock, PIN_MS);
    if (verdict === LATE) {
      answer.pinned.release();
      verdict = await exchange.verdicts.next();
    }
    if (verdict.kind === "proved" && verdict.offset >= answer.pinned.to) return exchange.settled();
    await hearVerdict(exchange, verdict, answer, given.codec);
  }
};
