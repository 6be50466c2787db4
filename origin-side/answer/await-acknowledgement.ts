/**
 * What the edge says of an answer that needs its acknowledgement: it is verified up to some offset, or does not match, and then the
 * plain bytes from the last verified one on follow on the same stream, from what is retained. SPEC section "Verification".
 */
import type { StreamEncoder } from "../../protocol/codec/codec.ts";
import type { StreamingCodec } from "../../protocol/codec/codecs.ts";
import { StreamError } from "../../protocol/errors.ts";
import { LATE } from "../../protocol/runtime/async-queue.ts";
import type { Clock } from "../../protocol/runtime/clock.ts";
import type { Retired } from "../../protocol/store/retired.ts";
import type { Acknowledgement, IncomingExchange } from "../exchange/incoming-exchange.ts";
import type { CodecTrust } from "./coding/codec-trust.ts";
import type { Unverified } from "./retained-answer.ts";

/** An answer is retained this long after its last byte was queued; then a mismatch can only end the stream. @internal */
export const RETAIN_MS = 30_000;
/** An acknowledgement that has not come by then is waiting for another message; the exchange is logged without it. @internal */
export const NOTED_MS = 100;

/** An answer that may not match at the edge, and what is retained of it for that. */
export interface RecoverableAnswer {
  /** Of its body so far. */
  readonly bytes: number;
  /** The number of the codec that made it of its bases; undefined: none did. */
  readonly codec: number | undefined;
  /** The ETag that its head left out, for who cannot make it of the body. */
  readonly tag: string | undefined;
  /** The bytes before `offset` are verified. */
  releaseTo(offset: number): void;
  /** Gives up what is retained. */
  release(): void;
  /** Everything from `offset` on; undefined if some of it is not retained, or never was. */
  after(offset: number): Unverified | undefined;
  /** Codes anew what is not verified, and what of the answer is still to come. */
  startOver(encoder: StreamEncoder, unverified: Unverified): Promise<void>;
}

/** What follows of what the edge says. */
export interface AcknowledgementNeeds {
  /** For the plain bytes. */
  readonly streaming: StreamingCodec;
  readonly trust: Pick<CodecTrust, "mismatched">;
}

interface WaitNeeds {
  readonly clock: Clock;
  readonly store: { readonly retired: Pick<Retired, "mark" | "settle"> };
}

/** Does as the edge says. Throws StreamError("mismatch") for one in bytes that are not retained any more. */
export const applyAcknowledgement = async (
  exchange: IncomingExchange,
  { kind, offset }: Acknowledgement,
  answer: RecoverableAnswer,
  { streaming: codec, trust }: AcknowledgementNeeds,
): Promise<void> => {
  if (kind === "verified") return answer.releaseTo(offset);
  if (answer.codec !== undefined) trust.mismatched(answer.codec);
  const unverified = answer.after(offset);
  if (unverified === undefined)
    throw new StreamError("mismatch", `the edge asks for bytes from ${offset} on, which are not retained`);
  exchange.resume(offset, codec.id, answer.tag);
  await answer.startOver(codec.streaming.encoder([]), unverified);
  answer.release(); // plain bytes do not mismatch again
};

/**
 * Called once the end is queued: waits until every byte is verified. From then on the edge offers no version that was retired before.
 * Calls `late` if the acknowledgement has not come within NOTED_MS.
 */
export const awaitAcknowledgement = async (
  exchange: IncomingExchange,
  answer: RecoverableAnswer,
  options: AcknowledgementNeeds & WaitNeeds,
  late?: () => void,
): Promise<void> => {
  const { acknowledgements } = exchange;
  const { retired } = options.store;
  const { mark } = retired;
  for (;;) {
    let said = await acknowledgements.nextWithin(options.clock, NOTED_MS);
    if (said === LATE) {
      late?.();
      said = await acknowledgements.nextWithin(options.clock, RETAIN_MS - NOTED_MS);
    }
    if (said === LATE) {
      answer.release();
      said = await acknowledgements.next();
    }
    if (said.kind === "verified" && said.offset >= answer.bytes) {
      retired.settle(mark);
      return exchange.settled();
    }
    await applyAcknowledgement(exchange, said, answer, options);
  }
};
