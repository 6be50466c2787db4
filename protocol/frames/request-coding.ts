/**
 * How a request's body is coded, as the extension of its open frame says it: as a whole, verified by its length and its
 * digest, or in segments, each verified by a segment frame. Without the extension it crosses as it is. SPEC section "Request
 * bodies".
 */

import { LinkError } from "../errors.ts";
import { ByteReader, ByteWriter } from "../wire/bytes.ts";
import { EXTENSION, type Extension, extensionOf } from "../wire/extensions.ts";
import { DIGEST_BYTES } from "./frame.ts";

/** The feature by which both hellos say that they speak this. */
export const CODED_REQUESTS = "requests";
/** Plain bytes of a body that goes as a whole, at most. */
export const MOST_ONE_PIECE_BYTES = 64 * 1024;
/** Requests with a body in segments that an edge has open on one link, at most. */
export const MOST_STREAMED_REQUESTS = 16;

/** zstd, as codecs of answers are numbered. */
const REQUEST_CODEC = 1;

export type RequestCoding =
  /** `size`: plain bytes; `result`: the first 16 bytes of their SHA-256. */
  | { readonly kind: "buffered"; readonly size: number; readonly result: string }
  | { readonly kind: "streamed" };

/** What it takes in the open frame of such a body, tag and length included, at most. */
export const ONE_PIECE_OVERHEAD_BYTES = 2 + 1 + 3 + DIGEST_BYTES;

/** One for all: a writer begins with more room than this needs. */
const writer = new ByteWriter();

export const requestCodingExtension = (coding: RequestCoding): Extension => {
  writer.varint(REQUEST_CODEC);
  if (coding.kind === "buffered") writer.varint(coding.size).latin1(coding.result);
  return { tag: EXTENSION.requestCoding, bytes: writer.take() };
};

/** Undefined: the body is as it is. Throws LinkError for what no edge says. */
export const requestCodingOf = (extensions: readonly Extension[]): RequestCoding | undefined => {
  const said = extensionOf(extensions, EXTENSION.requestCoding);
  if (said === undefined) return undefined;
  const r = new ByteReader(said);
  const codec = r.varint();
  if (codec !== REQUEST_CODEC) throw new LinkError("bad-frame", `a request coded by ${codec}`);
  if (r.left === 0) return { kind: "streamed" };
  const [size, result] = [r.varint(), r.latin1(DIGEST_BYTES)];
  r.end();
  if (size === 0 || size > MOST_ONE_PIECE_BYTES)
    throw new LinkError("bad-frame", `a request of ${size} bytes as a whole`);
  return { kind: "buffered", size, result };
};
