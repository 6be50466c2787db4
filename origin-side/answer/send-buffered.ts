/**
 * A page that is here in one piece: same, delta or whole, with the 16 bytes that prove the result. SPEC section "Answers".
 */

import { SegmentedBody } from "../../protocol/codec/segment-writer.ts";
import type { TaggedPage } from "../../protocol/frames/etag-formulas.ts";
import { DIGEST_BYTES } from "../../protocol/frames/frame.ts";
import type { Lease } from "../../protocol/runtime/memory-budget.ts";
import { ownBuffer } from "../../protocol/store/compact-buffer.ts";
import { type Fingerprint, fingerprintOf } from "../../protocol/store/fingerprint.ts";
import type { BodyEnd } from "../../protocol/upstream/body.ts";
import type { Answering } from "./answering.ts";
import { type DoubtableAnswer, settleAnswer } from "./await-verdict.ts";
import { offersMask, sameAs } from "./choose-answer.ts";
import { encodePage } from "./encode-delta.ts";
import type { HeadWithoutTag } from "./omit-etag.ts";
import { PinnedAnswer } from "./retained-answer.ts";

export interface SentPage {
  /** The page in a buffer of its own, or the same page's that is held already. */
  readonly body: Buffer;
  readonly fingerprint: Fingerprint;
  readonly answer: "same" | "delta" | "whole";
  readonly bases: number;
  readonly encodeMs: number;
}

/**
 * Resolves when the answer is queued; `settled` when the edge has proved it. `lease` is what the page holds of the budget. The
 * page may be a piece of a larger buffer: it is copied unless it is the same as before.
 */
export const sendPage = async (
  answering: Answering,
  page: Buffer,
  end: BodyEnd,
  lease: Lease,
): Promise<SentPage & { settled(): Promise<void> }> => {
  const { exchange, offered, given } = answering;
  const fingerprint = fingerprintOf(page);
  const result = fingerprint.slice(0, DIGEST_BYTES);
  const same = sameAs(offered, fingerprint);
  const body = same?.version.body ?? ownBuffer(page);
  const { head, tag } = withoutTag(answering, { body, fingerprint });
  const settled = () => {
    const pinned = new PinnedAnswer([body], () => lease.release());
    return settlePage(answering, { pinned, tag }, end);
  };
  if (same !== undefined) {
    exchange.answer({ kind: "same", offer: same.offer, result }, head);
    exchange.end(end.how, end.trailers);
    return { body, fingerprint, answer: "same", bases: 1, encodeMs: 0, settled };
  }
  const { clock } = given;
  const startedAt = clock.now();
  const { codec, bases, coded } = await encodePage(offered, body, {
    codecs: given.codecs,
    streaming: given.streaming,
    load: given.load,
    linkIsFull: exchange.linkIsFull,
  });
  const encodeMs = clock.now() - startedAt;
  if (bases.length === 0) exchange.answer({ kind: "whole", codec: codec.id, result }, head);
  else {
    const proof = { of: "result", digest: result } as const;
    exchange.answer({ kind: "delta", codec: codec.id, offers: offersMask(bases), proof }, head);
  }
  await exchange.data(coded);
  exchange.end(end.how, end.trailers);
  if (bases.length === 0)
    return { body, fingerprint, answer: "whole", bases: 0, encodeMs, settled: async () => {} };
  return { body, fingerprint, answer: "delta", bases: bases.length, encodeMs, settled };
};

/** The head as the edge gets it, and the tag that it does not need to be told. */
const withoutTag = ({ head, tenant, given }: Answering, page: TaggedPage): HeadWithoutTag =>
  given.bodyTags?.leaveOut(head, page, tenant) ?? { head, tag: undefined };

const settlePage = (
  { exchange, given }: Answering,
  page: Pick<DoubtableAnswer, "pinned" | "tag">,
  end: BodyEnd,
): Promise<void> =>
  settleAnswer(
    exchange,
    {
      ...page,
      async startOver(encoder, { hash, pieces }) {
        const body = new SegmentedBody(exchange, encoder, hash);
        try {
          for (const piece of pieces) await body.write(piece);
          await body.finish();
          exchange.end(end.how, end.trailers);
        } finally {
          body.destroy();
        }
      },
    },
    { codec: given.streaming, clock: given.clock },
  );
