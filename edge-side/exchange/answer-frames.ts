/**
 * The body of an answer as frames, seen alike whether it came inside the head's frame, in frames of its own, or both: data,
 * segment marks and resumes, then the end with its trailers.
 */

import { StreamError } from "../../protocol/errors.ts";
import type { AnswerFrame, Frame } from "../../protocol/frames/frame.ts";
import { NO_FIELDS } from "../../protocol/http/header-list.ts";
import type { BodyEnd } from "../../protocol/upstream/body.ts";
import type { Exchange } from "./exchange.ts";

export type BodyFrame =
  | { readonly kind: "data"; readonly bytes: Buffer }
  | Extract<Frame, { kind: "segment" | "resume" }>;

export interface CodedFrames {
  next(): Promise<BodyFrame | BodyEnd>;
  /** Data that is here already and comes next; undefined if there is none. */
  moreData(): Buffer | undefined;
}

export const COMPLETE: BodyEnd = { how: "complete", trailers: NO_FIELDS };

/** `answer`: a head that may bring some of its body, or all. */
export const framesOfBody = (answer: AnswerFrame, exchange: Exchange): CodedFrames => {
  const early: (BodyFrame | BodyEnd)[] = [];
  if (answer.body.length > 0) early.push({ kind: "data", bytes: answer.body as Buffer });
  if (answer.ended) early.push(COMPLETE);
  const { next, moreData } = framesTo(exchange);
  return { moreData, next: async () => early.shift() ?? next() };
};

/** What comes after the head's frame. */
export const framesTo = (exchange: Exchange): CodedFrames => {
  let trailers = NO_FIELDS;
  return {
    moreData: () => exchange.moreData(),
    async next() {
      for (;;) {
        const frame = await exchange.next();
        switch (frame.kind) {
          case "data":
            return { kind: "data", bytes: frame.bytes as Buffer };
          case "segment":
          case "resume":
            return frame;
          case "trailers":
            trailers = frame.head;
            break;
          case "end":
            return { how: frame.how, trailers };
          default:
            throw new StreamError("internal", `${frame.kind} in the body of an answer`);
        }
      }
    },
  };
};
