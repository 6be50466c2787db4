/**
 * Bases and delta become the page again, and only what is proved gets out: a body in one piece by its 16 bytes, a streamed
 * one segment by segment. Any doubt about a delta ends in plain bytes on the same stream, from the last proved byte on.
 * SPEC section "Proof".
 */
import { createHash } from "node:crypto";
import type { Lease } from "../protocol/kit/byte-budget.ts";
import type { Clock } from "../protocol/kit/clock.ts";
import type { Fingerprint } from "../protocol/versions/fingerprint.ts";
import type { Version } from "../protocol/versions/version-store.ts";
import { type AnswerForm, type AnswerFrame, DIGEST_BYTES } from "../protocol/wire/frame.ts";
import { type BodyEnd, framesOfBody } from "./answer-frames.ts";
import { decodeWith, rebuildOnePiece, sameBody } from "./one-piece.ts";
import type { OutgoingExchange } from "./outgoing-exchange.ts";
import type { WholePage } from "./page-pieces.ts";
import { passedBody } from "./passed-body.ts";
import { provedSegments } from "./proved-segments.ts";

export interface RebuildGiven {
  /** What the request offered, in that order. */
  readonly offered: readonly Version[];
  readonly clock: Clock;
  readonly pageBytes: number;
  /** The memory that this exchange takes while it is put together. */
  readonly lease: Lease;
  /** Takes memory for a page until the visitor has it; false where there is none. */
  hold(page: Buffer): boolean;
  /** Waits, within reason, until there could be memory for so many bytes; false: there was none. */
  whenRoom(bytes: number): Promise<boolean>;
  /** A whole, proved body; called before its last piece is given out. */
  remember(body: Buffer, fingerprint: Fingerprint): void;
  /** Plain bytes begin, with the ETag that the head had left out. Throws StreamError. Undefined: it left none out. */
  resumed?(tag: string | undefined): void;
  /** A delta did not prove; these were its bases. */
  doubted(bases: readonly Version[]): void;
  /** Milliseconds spent decoding. */
  decoded(ms: number): void;
}

/** Whether the body comes out whole or not at all, so the answer's head can wait for it. */
export const inOnePiece = (form: AnswerForm): boolean => {
  if (form.kind === "delta") return form.proof.of === "result";
  return form.kind === "same" || (form.kind === "whole" && form.result !== undefined);
};

/** A page that is all here, or its pieces as they are proved, which return how it ended. */
export type RebuiltPage = WholePage | AsyncGenerator<Buffer, BodyEnd>;

/** Rejects, as the pieces do, with StreamError when the body cannot be had; what came out before is right. */
export const rebuildPage = (
  answer: AnswerFrame,
  exchange: OutgoingExchange,
  given: RebuildGiven,
): Promise<RebuiltPage> | RebuiltPage => {
  const { form } = answer;
  switch (form.kind) {
    case "passed":
    case "interim":
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
  exchange: OutgoingExchange,
  given: RebuildGiven,
): Promise<RebuiltPage> | RebuiltPage => {
  const bases = basesOf(given.offered, offers);
  if (proof.of === "result")
    return rebuildOnePiece(answer, exchange, given, {
      bases,
      result: proof.digest,
      decode: decodeWith(codec),
      pinned: true,
    });
  const right = digestOf(bases) === proof.digest;
  return provedSegments(framesOfBody(answer, exchange), exchange, given, {
    bases: right ? bases : undefined,
    codec,
    pinned: true,
  });
};

/** The offered versions whose bit is set; undefined when the mask names one that was not offered. */
const basesOf = (offered: readonly Version[], mask: number): readonly Version[] | undefined =>
  mask >> offered.length === 0 ? offered.filter((_, offer) => (mask >> offer) & 1) : undefined;

const digestOf = (bases: readonly Version[] | undefined): string => {
  const hash = createHash("sha256");
  for (const { fingerprint } of bases ?? []) hash.update(fingerprint, "latin1");
  return hash.digest().toString("latin1", 0, DIGEST_BYTES);
};
