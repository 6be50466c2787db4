/**
 * What the edge says of an answer that needs its acknowledgement: it is proved up to some offset, or doubted, and then the
 * plain bytes from the last proved one on follow on the same stream, from what is retained. SPEC section "Proof".
 */
import type { StreamEncoder } from "../../protocol/codec/codec.ts";
import type { StreamingCodec } from "../../protocol/codec/codecs.ts";
import { StreamError } from "../../protocol/errors.ts";
import { LATE } from "../../protocol/runtime/async-queue.ts";
import type { Clock } from "../../protocol/runtime/clock.ts";
import type { Acknowledgement, IncomingExchange } from "../exchange/incoming-exchange.ts";
import type { Unproved } from "./retained-answer.ts";

/** An answer is retained this long after its last byte was queued; then a doubt can only end the stream. @internal */
export const PIN_MS = 30_000;

/** An answer that the edge may doubt, and what is retained of it for that. */
export interface DoubtableAnswer {
  /** Of its body so far. */
  readonly bytes: number;
  /** The ETag that its head left out, for who cannot make it of the body. */
  readonly tag: string | undefined;
  /** The bytes before `offset` are proved. */
  releaseTo(offset: number): void;
  /** Gives up what is retained. */
  release(): void;
  /** Everything from `offset` on; undefined if some of it is not retained, or never was. */
  after(offset: number): Unproved | undefined;
  /** Codes anew what is not proved, and what of the answer is still to come. */
  startOver(encoder: StreamEncoder, unproved: Unproved): Promise<void>;
}

/** Does as the edge says. Throws StreamError("unproved") for a doubt about bytes that are not retained any more. */
export const applyAcknowledgement = async (
  exchange: IncomingExchange,
  { kind, offset }: Acknowledgement,
  answer: DoubtableAnswer,
  codec: StreamingCodec,
): Promise<void> => {
  if (kind === "proved") return answer.releaseTo(offset);
  const unproved = answer.after(offset);
  if (unproved === undefined)
    throw new StreamError("unproved", `the edge asks for bytes from ${offset} on, which are not pinned`);
  exchange.resume(offset, codec.id, answer.tag);
  await answer.startOver(codec.streaming.encoder([]), unproved);
  answer.release(); // plain bytes are not doubted again
};

/** After the end was queued: waits until every byte is proved. */
export const awaitAcknowledgement = async (
  exchange: IncomingExchange,
  answer: DoubtableAnswer,
  { streaming, clock }: { readonly streaming: StreamingCodec; readonly clock: Clock },
): Promise<void> => {
  const { acknowledgements } = exchange;
  for (;;) {
    let said = await acknowledgements.nextWithin(clock, PIN_MS);
    if (said === LATE) {
      answer.release();
      said = await acknowledgements.next();
    }
    if (said.kind === "proved" && said.offset >= answer.bytes) return exchange.settled();
    await applyAcknowledgement(exchange, said, answer, streaming);
  }
};
