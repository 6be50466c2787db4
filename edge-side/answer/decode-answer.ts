/**
 * Bases and delta become the page again, and only what is proved gets out: a body in one piece by its 16 bytes, a streamed
 * one segment by segment. Any doubt about a delta ends in plain bytes on the same stream, from the last proved byte on.
 * SPEC section "Proof".
 */
import type { AnswerForm, AnswerFrame } from "../../protocol/frames/frame.ts";
import { basesDigest } from "../../protocol/frames/proof.ts";
import type { Version } from "../../protocol/store/version-store.ts";
import { type BodyEnd, framesOfBody } from "../exchange/answer-frames.ts";
import type { Exchange } from "../exchange/exchange.ts";
import { decodeWith, rebuildOnePiece, sameBody } from "./decode-buffered.ts";
import type { DecodeContext } from "./decode-context.ts";
import { provedSegments } from "./decode-streamed.ts";
import type { WholePage } from "./page-lookahead.ts";
import { passedBody, passedWhole } from "./passthrough.ts";

/** A page that is all here, or its pieces as they are proved, which return how it ended. */
export type RebuiltPage = WholePage | AsyncGenerator<Buffer, BodyEnd>;

/** Rejects, as the pieces do, with StreamError when the body cannot be had; what came out before is right. */
export const rebuildPage = (
  answer: AnswerFrame,
  exchange: Exchange,
  given: DecodeContext,
): Promise<RebuiltPage> | RebuiltPage => {
  const { form } = answer;
  switch (form.kind) {
    case "passed":
    case "interim":
      if (answer.ended) return passedWhole(answer, exchange);
      return passedBody(framesOfBody(answer, exchange), exchange);
    case "same": {
      const version = given.offered[form.offer];
      const bases = version && [version];
      return rebuildOnePiece(answer, exchange, given, {
        bases,
        result: form.result,
        decode: sameBody,
        pinned: true,
      });
    }
    case "delta":
      return rebuildDelta(answer, form, exchange, given);
    case "whole":
      if (form.result !== undefined)
        return rebuildOnePiece(answer, exchange, given, {
          bases: [],
          result: form.result,
          decode: decodeWith(form.codec),
          pinned: false,
        });
      return provedSegments(framesOfBody(answer, exchange), exchange, given, {
        bases: [],
        codec: form.codec,
        pinned: false,
      });
  }
};

const rebuildDelta = (
  answer: AnswerFrame,
  { offers, proof, codec }: Extract<AnswerForm, { kind: "delta" }>,
  exchange: Exchange,
  given: DecodeContext,
): Promise<RebuiltPage> | RebuiltPage => {
  const bases = basesOf(given.offered, offers);
  if (proof.of === "result")
    return rebuildOnePiece(answer, exchange, given, {
      bases,
      result: proof.digest,
      decode: decodeWith(codec),
      pinned: true,
    });
  const right = bases !== undefined && basesDigest(bases) === proof.digest;
  return provedSegments(framesOfBody(answer, exchange), exchange, given, {
    bases: right ? bases : undefined,
    codec,
    pinned: true,
  });
};

/** The offered versions whose bit is set; undefined when the mask names one that was not offered. */
const basesOf = (offered: readonly Version[], mask: number): readonly Version[] | undefined =>
  mask >> offered.length === 0 ? offered.filter((_, offer) => (mask >> offer) & 1) : undefined;
