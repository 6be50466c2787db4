/** Answers as an origin side would make them, frame by frame, for a scripted one that then changes what it wants wrong. */
import { createHash } from "node:crypto";
import { STREAMING_CODEC } from "../../protocol/codec/codecs.ts";
import type { AnswerForm, Frame, StreamId } from "../../protocol/frames/frame.ts";
import { fingerprintOf } from "../../protocol/store/fingerprint.ts";
import { answerFrame, dataFrame, endFrame } from "./scripted-peer.ts";

export const resultOf = (page: Uint8Array): string => fingerprintOf(page).slice(0, 16);

export const basesDigest = (bases: readonly Uint8Array[]): string => {
  const hash = createHash("sha256");
  for (const base of bases) hash.update(fingerprintOf(base), "latin1");
  return hash.digest().toString("latin1", 0, 16);
};

/** The running digest over everything up to here. */
export const digestOf = (before: Uint8Array): string =>
  createHash("sha256").update(before).digest().toString("latin1", 0, 8);

export const encoded = (bases: readonly Uint8Array[], page: Uint8Array): Promise<Buffer> =>
  STREAMING_CODEC.encode(bases, page);

/** The page whole, in one piece, in one frame. */
export const wholeAnswer = async (id: number, page: Uint8Array): Promise<Frame> =>
  answerFrame(
    id,
    { kind: "whole", codec: 1, result: resultOf(page) },
    { body: await encoded([], page), ended: true },
  );

/** A delta in one piece on the first `bases.length` offers. */
export const deltaForm = (page: Uint8Array, bases: number, codec = 1): AnswerForm => ({
  kind: "delta",
  codec,
  offers: (1 << bases) - 1,
  digest: { of: "result", digest: resultOf(page) },
});

export const sameForm = (page: Uint8Array, offer = 0): AnswerForm => ({
  kind: "same",
  offer,
  result: resultOf(page),
});

/** Coded segments of a body: data and proof for each, as they would leave; the coding's end at last. */
export const segmentFrames = async (
  id: number,
  bases: readonly Uint8Array[],
  parts: readonly Uint8Array[],
  before: Uint8Array = Buffer.alloc(0),
): Promise<Frame[]> => {
  const encoder = STREAMING_CODEC.streaming.encoder(bases);
  const frames: Frame[] = [];
  const hash = createHash("sha256").update(before);
  const coded = (bytes: Buffer) => {
    for (let at = 0; at < bytes.length; at += 16_000)
      frames.push(dataFrame(id, bytes.subarray(at, at + 16_000)));
  };
  for (const part of parts) {
    coded(await encoder.write(part));
    coded(await encoder.flush());
    const digest = hash.update(part).copy().digest().toString("latin1", 0, 8);
    frames.push({ kind: "segment", streamId: id as StreamId, digest });
  }
  coded(await encoder.end());
  encoder.destroy();
  return frames;
};

/** The plain bytes of `page` from `offset` on, as they follow a mismatch. */
export const resumeFrames = async (id: number, page: Uint8Array, offset: number): Promise<Frame[]> => [
  { kind: "resume", streamId: id as StreamId, offset, codec: 1 },
  ...(await segmentFrames(id, [], [page.subarray(offset)], page.subarray(0, offset))),
  endFrame(id),
];
