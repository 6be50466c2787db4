/**
 * Every frame there is: the union, the numbers and the bounds. Layouts stand in control-frames and stream-frames, reading
 * and writing of whole frames in frame-codec. SPEC section "Frames".
 */
import type { LinkErrorCode, StreamErrorCode } from "../errors.ts";
import type { HeaderList } from "../http/header-list.ts";
import type { Extension } from "../wire/extensions.ts";
import type { Hello } from "./hello.ts";

export type StreamId = number & { readonly __brand: "StreamId" };

/** 0xxxxxxx must be understood; kinds from 0x80 on are skipped by who does not know them. */
export const FRAME = {
  hello: 0x01,
  proveKey: 0x02,
  ping: 0x03,
  pong: 0x04,
  goAway: 0x05,
  window: 0x06,
  forget: 0x07,
  open: 0x10,
  answer: 0x11,
  data: 0x12,
  trailers: 0x13,
  end: 0x14,
  reset: 0x15,
  stopSending: 0x16,
  segment: 0x17,
  resume: 0x18,
  verified: 0x19,
  askWhole: 0x1a,
  // 0x1b was ask-body until 0.2.0: not to be used again.
  offers: 0x1c,
  version: 0x30,
} as const;

export const FIRST_SKIPPABLE_KIND = 0x80;

/** First bytes of SHA-256 that stand for a whole one, as latin1. */
export const DIGEST_BYTES = 16;
/** First bytes of SHA-256 in the running digest of a segment. */
export const RUNNING_DIGEST_BYTES = 8;
/** Most versions that a request may offer. */
export const MOST_OFFERS = 8;
/** The feature of the hello: a request may name its offers in a frame behind it. SPEC section "Offers". */
export const LATER_OFFERS = "later-offers";
/** Furthest that an open frame reaches back for the answer that it acknowledges. */
export const MOST_STREAMS_AGO = 15;

/** How the body of an answer travels. SPEC section "Answers". */
export type AnswerForm =
  /** An interim (1xx) head; another one follows. */
  | { readonly kind: "interim" }
  /** The bytes as they are. */
  | { readonly kind: "passed" }
  /** The body is the offered version number `offer`; `result` names it by 16 bytes. */
  | { readonly kind: "same"; readonly offer: number; readonly result: string }
  /** `result`: buffered, the page named by 16 bytes. `bases`: streamed; the bases named by 16 bytes, segments follow. */
  | {
      readonly kind: "delta";
      readonly codec: number;
      /** Bit i set: offer i is a base. */
      readonly offers: number;
      readonly digest: { readonly of: "result" | "bases"; readonly digest: string };
    }
  /** `result` undefined: streamed, segments follow. */
  | { readonly kind: "whole"; readonly codec: number; readonly result: string | undefined };

export type ControlFrame =
  | Hello
  | { readonly kind: "proveKey"; readonly keyId: string; readonly digest: Buffer }
  | { readonly kind: "ping"; readonly token: number }
  | { readonly kind: "pong"; readonly token: number; readonly received: number }
  | {
      readonly kind: "goAway";
      readonly lastStreamId: number;
      readonly code: LinkErrorCode;
      readonly message: string;
      readonly extensions: readonly Extension[];
    }
  /** `received`: bytes of messages taken from the link so far, see SPEC section "Link budget". */
  | {
      readonly kind: "window";
      readonly streamId: StreamId;
      readonly bytes: number;
      readonly received: number;
    }
  /** Versions of this host, or of one of its URLs when `url` is not empty, are to be erased. */
  | { readonly kind: "forget"; readonly host: string; readonly url: string }
  | VersionFrame;

/** A version for the peer to hold, SPEC section "Version push". */
export interface VersionFrame {
  readonly kind: "version";
  readonly host: string;
  /** What it is for: a URL or a template. */
  readonly name: string;
  /** It has pieces of `no-store` pages. */
  readonly noStore: boolean;
  /** First bytes of its SHA-256. */
  readonly result: string;
  /** Bytes it has. */
  readonly size: number;
  readonly codec: number;
  /** Short fingerprints of versions that the peer holds, best last. */
  readonly bases: readonly string[];
  readonly coded: Uint8Array;
}

export interface OpenFrame {
  readonly kind: "open";
  readonly streamId: StreamId;
  /** No request body follows what is in this frame. */
  readonly ended: boolean;
  /** The request belongs to a session: versions it makes are not kept for long. */
  readonly session: boolean;
  /** The visitor shows no secret, and is known by the address: an answer that says it is personal is kept as a session's. */
  readonly addressed?: true | undefined;
  /** How many streams ago the answer was that the edge has verified to its end; 1 to MOST_STREAMS_AGO. */
  readonly verified?: number | undefined;
  /** The edge wants the origin side's durations. */
  readonly timings: boolean;
  /** RFC 9218: 0 (first) to 7. */
  readonly urgency: number;
  readonly incremental: boolean;
  readonly head: HeaderList;
  /** Short fingerprints, best last. */
  readonly offers: readonly string[];
  /** They are still looked for, and named by a frame of their own. */
  readonly offersFollow?: true | undefined;
  readonly extensions: readonly Extension[];
  readonly body: Uint8Array;
}

/** What an open frame promised to offer, and what it would have said of that. */
export interface OffersFrame {
  readonly kind: "offers";
  readonly streamId: StreamId;
  /** As in an open frame. */
  readonly offers: readonly string[];
  readonly extensions: readonly Extension[];
}

export interface AnswerFrame {
  readonly kind: "answer";
  readonly streamId: StreamId;
  /** The answer is complete with this frame. */
  readonly ended: boolean;
  readonly form: AnswerForm;
  readonly head: HeaderList;
  /** Bytes the header block took on the wire; 0 when not read from it. */
  readonly blockBytes: number;
  readonly extensions: readonly Extension[];
  readonly body: Uint8Array;
}

export type StreamFrame =
  | OpenFrame
  | OffersFrame
  | AnswerFrame
  | { readonly kind: "data"; readonly streamId: StreamId; readonly bytes: Uint8Array }
  | { readonly kind: "trailers"; readonly streamId: StreamId; readonly head: HeaderList }
  /** `closed`: the origin ended a body without a length by closing, so nobody can say whether it is all. */
  | {
      readonly kind: "end";
      readonly streamId: StreamId;
      readonly how: "complete" | "closed";
      readonly extensions: readonly Extension[];
    }
  | {
      readonly kind: "reset";
      readonly streamId: StreamId;
      readonly code: StreamErrorCode;
      readonly extensions: readonly Extension[];
    }
  | { readonly kind: "stopSending"; readonly streamId: StreamId; readonly code: StreamErrorCode }
  | { readonly kind: "segment"; readonly streamId: StreamId; readonly digest: string }
  | {
      readonly kind: "resume";
      readonly streamId: StreamId;
      readonly offset: number;
      readonly codec: number;
      /** The ETag that the answer's head left out, if it did. */
      readonly tag?: string;
    }
  | { readonly kind: "verified"; readonly streamId: StreamId; readonly offset: number }
  | { readonly kind: "askWhole"; readonly streamId: StreamId; readonly offset: number };

export type Frame = ControlFrame | StreamFrame;
