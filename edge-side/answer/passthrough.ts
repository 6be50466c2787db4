/**
 * The body of an answer that passes as it is. The link carries it in messages of 16 KiB at most; once it has shown to be
 * long, those that come in one turn of the event loop go on as one piece, because each costs the same whatever its size.
 */
import { StreamError } from "../../protocol/errors.ts";
import type { AnswerFrame } from "../../protocol/frames/frame.ts";
import type { BodyEnd } from "../../protocol/upstream/body.ts";
import { COMPLETE, type CodedFrames } from "../exchange/answer-frames.ts";
import { PART_BYTES } from "../exchange/visitor.ts";
import type { WholePage } from "./page-lookahead.ts";

/** Until so much has passed nothing waits for the end of a turn: a small answer, or events one by one. @internal */
export const LONG_BODY_BYTES = 16 * 1024;

/** A body that is all here with its head: nothing is waited for. */
export const passedWhole = (
  { body }: Pick<AnswerFrame, "body">,
  exchange: { taken(bytes: number): void },
): WholePage => {
  exchange.taken(body.length);
  return { page: body as Buffer, end: COMPLETE };
};

export async function* passThrough(
  frames: CodedFrames,
  exchange: { taken(bytes: number): void },
): AsyncGenerator<Buffer, BodyEnd> {
  for (let passed = 0; ; ) {
    const next = await frames.next();
    if ("how" in next) return next;
    if (next.kind !== "data") throw new StreamError("internal", `${next.kind} in a passed body`);
    const piece = passed < LONG_BODY_BYTES ? next.bytes : await withWhatComes(next.bytes, frames);
    passed += piece.length;
    yield piece;
    exchange.taken(piece.length);
  }
}

const withWhatComes = async (first: Buffer, frames: CodedFrames): Promise<Buffer> => {
  await new Promise(setImmediate);
  const pieces = [first];
  let bytes = first.length;
  for (
    let more = frames.moreData();
    more !== undefined;
    more = bytes < PART_BYTES ? frames.moreData() : undefined
  ) {
    pieces.push(more);
    bytes += more.length;
  }
  return pieces.length === 1 ? first : Buffer.concat(pieces, bytes);
};
