/**
 * How a request's body is coded, as the extension of its open frame says it: in one piece, proved by its length and its
 * digest, or in segments, each proved by a segment frame. One in one piece may be kept by both sides, as a base of later
 * ones, and build on one that was. Without the extension it crosses as it is. SPEC sections "Request bodies" and "Request
 * bases".
 */

import { LinkError } from "../errors.ts";
import { SHORT_FINGERPRINT_BYTES, type ShortFingerprint } from "../store/fingerprint.ts";
import { ByteReader, ByteWriter } from "../wire/bytes.ts";
import { EXTENSION, type Extension, extensionOf } from "../wire/extensions.ts";
import { DIGEST_BYTES } from "./frame.ts";

/** The features by which both hellos say that they speak this, and that they keep bodies. */
export const CODED_REQUESTS = "requests";
export const REQUEST_BASES = "request-bases";
/** Plain bytes of a body in one piece, at most. */
export const MOST_ONE_PIECE_BYTES = 64 * 1024;
/** Requests with a body in segments that an edge has open on one link, at most. */
export const MOST_STREAMED_REQUESTS = 16;

/** As codecs of answers are numbered; `asItIs` is none of those. */
export const REQUEST_CODEC = { asItIs: 0, zstd: 1, splice: 3 } as const;
export type RequestCodec = (typeof REQUEST_CODEC)[keyof typeof REQUEST_CODEC];

/** A body in one piece that both sides keep. */
export interface KeptCoding {
  readonly kind: "kept";
  readonly codec: RequestCodec;
  /** Plain bytes. */
  readonly size: number;
  /** The first 16 bytes of their SHA-256. */
  readonly result: string;
  /** What it is coded on: one that was kept. */
  readonly base: ShortFingerprint | undefined;
}

export type RequestCoding =
  /** `size`: plain bytes; `result`: the first 16 bytes of their SHA-256. */
  | { readonly kind: "onePiece"; readonly size: number; readonly result: string }
  | { readonly kind: "streamed" }
  | KeptCoding;

/** What it takes in the open frame of a body in one piece, tag and length included, at most. */
export const ONE_PIECE_OVERHEAD_BYTES = 2 + 1 + 3 + DIGEST_BYTES;

/** One for all: a writer begins with more room than this needs. */
const writer = new ByteWriter();

export const requestCodingExtension = (coding: RequestCoding): Extension => {
  writer.varint(coding.kind === "kept" ? coding.codec : REQUEST_CODEC.zstd);
  if (coding.kind !== "streamed") writer.varint(coding.size).latin1(coding.result);
  if (coding.kind === "kept") writer.u8(coding.base === undefined ? 0 : 1).latin1(coding.base ?? "");
  return { tag: EXTENSION.requestCoding, bytes: writer.take() };
};

/** Undefined: the body is as it is. Throws LinkError for what no edge says. */
export const requestCodingOf = (extensions: readonly Extension[]): RequestCoding | undefined => {
  const said = extensionOf(extensions, EXTENSION.requestCoding);
  if (said === undefined) return undefined;
  const r = new ByteReader(said);
  const number = r.varint();
  if (r.left === 0) {
    oneOf(ALONE, number);
    return { kind: "streamed" };
  }
  const [size, result] = [r.varint(), r.latin1(DIGEST_BYTES)];
  if (size === 0 || size > MOST_ONE_PIECE_BYTES)
    throw new LinkError("bad-frame", `a request of ${size} bytes in one piece`);
  if (r.left === 0) {
    oneOf(ALONE, number);
    return { kind: "onePiece", size, result };
  }
  const bases = r.u8();
  if (bases > 1) throw new LinkError("bad-frame", `a request on ${bases} bases`);
  const base = bases === 0 ? undefined : (r.latin1(SHORT_FINGERPRINT_BYTES) as ShortFingerprint);
  r.end();
  const codec = oneOf(base === undefined ? KEPT_ALONE : KEPT_ON_BASE, number);
  return { kind: "kept", codec, size, result, base };
};

const { asItIs, zstd, splice } = REQUEST_CODEC;
const ALONE = [zstd] as const;
const KEPT_ALONE = [asItIs, zstd] as const;
const KEPT_ON_BASE = [zstd, splice] as const;

const oneOf = <Codec extends RequestCodec>(codecs: readonly Codec[], number: number): Codec => {
  const codec = codecs.find((each) => each === number);
  if (codec === undefined)
    throw new LinkError("bad-frame", `a request coded by ${number}, and only ${codecs.join(" or ")} may be`);
  return codec;
};
