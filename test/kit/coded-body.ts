/**
 * Reads what an origin side sends of a body, as an edge would, but straight on: one decoder, proofs checked where they stand.
 * An oracle that shares nothing with the edge's own rebuilding but the codec.
 */
import { createHash } from "node:crypto";
import { STREAMING_CODEC } from "../../protocol/codec/codecs.ts";
import type { StreamItem } from "../../protocol/link/send-queue.ts";

export interface SegmentsRead {
  readonly body: Buffer;
  /** Plain bytes between two proofs. */
  readonly segments: readonly number[];
  /** Plain bytes after the last proof. */
  readonly unverified: number;
  readonly ended: "complete" | "closed" | undefined;
}

/** `before`: plain bytes that stand before these items. Throws where a proof is wrong. */
export const readSegments = async (
  items: readonly StreamItem[],
  bases: readonly Uint8Array[],
  before: Uint8Array = Buffer.alloc(0),
): Promise<SegmentsRead> => {
  const decoder = STREAMING_CODEC.streaming.decoder(bases, { pageBytes: 1 << 30 });
  const hash = createHash("sha256").update(before);
  const pieces: Buffer[] = [];
  const segments: number[] = [];
  let unverified = 0;
  let ended: SegmentsRead["ended"];
  try {
    for (const item of items) {
      if (item.kind === "data") {
        const plain = await decoder.write(item.bytes);
        hash.update(plain);
        pieces.push(plain);
        unverified += plain.length;
      } else if (item.kind === "segment") {
        const digest = hash.copy().digest().toString("latin1", 0, 8);
        if (digest !== item.digest)
          throw new Error(`wrong proof after ${Buffer.concat(pieces).length} bytes`);
        segments.push(unverified);
        unverified = 0;
      } else if (item.kind === "end") {
        ended = item.how;
        await decoder.end();
      }
    }
  } finally {
    decoder.destroy();
  }
  return { body: Buffer.concat(pieces), segments, unverified, ended };
};
