/**
 * Bases and delta become the page again, and only what is verified gets out: a buffered body by its 16 bytes, a streamed
 * one segment by segment. Any mismatch ends in plain bytes on the same stream, from the last verified byte on.
 * SPEC section "Verification".
 */

import { basesDigest } from "../../protocol/frames/digests.ts";
import type { AnswerForm, AnswerFrame } from "../../protocol/frames/frame.ts";
import type { Version } from "../../protocol/store/version-store.ts";
import type { BodyEnd } from "../../protocol/upstream/body.ts";
import { framesOfBody } from "../exchange/answer-frames.ts";
import type { Exchange } from "../exchange/exchange.ts";
import { decodeBuffered, decodeWith, sameBody } from "./decode-buffered.ts";
import type { DecodeContext } from "./decode-context.ts";
import { decodeStreamed } from "./decode-streamed.ts";
import type { WholePage } from "./page-lookahead.ts";
import { passedWhole, passThrough } from "./passthrough.ts";

/** A page that is all here, or its pieces as they are verified, which return how it ended. */
export type DecodedPage = WholePage | AsyncGenerator<Buffer, BodyEnd>;

/** Throws or rejects, as the pieces do, with StreamError when the body cannot be had; what came out before is right. */
export const decodeAnswer = (
  answer: AnswerFrame,
  exchange: Exchange,
  options: DecodeContext,
): Promise<DecodedPage> | DecodedPage => {
  const { form } = answer;
  switch (form.kind) {
    case "passed":
    case "interim":
      if (answer.ended) return passedWhole(answer, exchange);
      return passThrough(framesOfBody(answer, exchange), exchange);
    case "same": {
      const version = options.offers.versions[form.offer];
      const bases = version && [version];
      return decodeBuffered(answer, exchange, options, {
        bases,
        result: form.result,
        decode: sameBody,
        retained: true,
      });
    }
    case "delta":
      return decodeDelta(answer, form, exchange, options);
    case "whole":
      if (form.result !== undefined)
        return decodeBuffered(answer, exchange, options, {
          bases: [],
          result: form.result,
          ...decodeWith(form.codec),
          retained: false,
        });
      return decodeStreamed(framesOfBody(answer, exchange), exchange, options, {
        bases: [],
        codec: form.codec,
        retained: false,
      });
  }
};

const decodeDelta = (
  answer: AnswerFrame,
  { offers, digest, codec }: Extract<AnswerForm, { kind: "delta" }>,
  exchange: Exchange,
  options: DecodeContext,
): Promise<DecodedPage> | DecodedPage => {
  const bases = basesOf(options.offers.versions, offers);
  if (digest.of === "result")
    return decodeBuffered(answer, exchange, options, {
      bases,
      result: digest.digest,
      ...decodeWith(codec),
      retained: true,
    });
  const right = bases !== undefined && basesDigest(bases) === digest.digest;
  return decodeStreamed(framesOfBody(answer, exchange), exchange, options, {
    bases: right ? bases : undefined,
    codec,
    retained: true,
  });
};

/** The offered versions whose bit is set; undefined when the mask names one that was not offered. */
const basesOf = (offered: readonly Version[], mask: number): readonly Version[] | undefined =>
  mask >> offered.length === 0 ? offered.filter((_, offer) => (mask >> offer) & 1) : undefined;
