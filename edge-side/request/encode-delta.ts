/**
 * The smallest form of a request's body that is kept: on the nearest of the bodies that its session sent before, compressed by
 * itself, or as it is. SPEC section "Request bases".
 */
import { spliceWithin } from "../../protocol/codec/splice.ts";
import { encodeRequest, zstdCodec } from "../../protocol/codec/zstd.ts";
import { REQUEST_CODEC, type RequestCodec } from "../../protocol/frames/request-coding.ts";
import { SHORT_FINGERPRINT_BYTES } from "../../protocol/store/fingerprint.ts";
import type { KeptBody } from "../../protocol/store/request-body-store.ts";

/** A splice of so many bytes is not improved upon. */
const GOOD_SPLICE_BYTES = 64;
/** Where a splice is given up. */
const SPLICE_BOUNDS = { steps: 48, addedBytes: 2048 } as const;

export interface CodedRequest {
  readonly codec: RequestCodec;
  readonly base: KeptBody | undefined;
  readonly bytes: Buffer;
}

export const encodeOnBase = async (body: Buffer, kept: readonly KeptBody[]): Promise<CodedRequest> => {
  const base = nearestOf(kept, body);
  const spliced = base && splicedOn(base, body);
  if (spliced !== undefined && spliced.bytes.length <= GOOD_SPLICE_BYTES) return spliced;
  const coded = [spliced, base && (await zstdOn(base, body)), encodeAlone(body)];
  return coded.reduce<CodedRequest>(smaller, { codec: REQUEST_CODEC.asItIs, base: undefined, bytes: body });
};

/** Without a base: compressed where that gains. */
export const encodeAlone = (body: Buffer): CodedRequest => {
  const bytes = encodeRequest(body);
  return bytes.length < body.length
    ? { codec: REQUEST_CODEC.zstd, base: undefined, bytes }
    : { codec: REQUEST_CODEC.asItIs, base: undefined, bytes: body };
};

const smaller = (best: CodedRequest, next: CodedRequest | undefined): CodedRequest =>
  next !== undefined && costOf(next) < costOf(best) ? next : best;

const costOf = ({ bytes, base }: CodedRequest): number =>
  bytes.length + (base === undefined ? 0 : SHORT_FINGERPRINT_BYTES);

/** The one that begins and ends most alike; of equals the last used. */
export const nearestOf = (kept: readonly KeptBody[], body: Buffer): KeptBody | undefined => {
  let nearest: KeptBody | undefined;
  let most = -1;
  for (const each of kept) {
    const alike = alikeBytes(each.body, body);
    if (alike >= most) [nearest, most] = [each, alike];
  }
  return nearest;
};

/** Bytes that both begin with, and others that both end with. */
const alikeBytes = (a: Buffer, b: Buffer): number => {
  const most = Math.min(a.length, b.length);
  let begin = 0;
  while (begin < most && a[begin] === b[begin]) begin++;
  let end = 0;
  while (end < most - begin && a[a.length - 1 - end] === b[b.length - 1 - end]) end++;
  return begin + end;
};

const splicedOn = (base: KeptBody, body: Buffer): CodedRequest | undefined => {
  const bytes = spliceWithin([base.body], body, SPLICE_BOUNDS);
  return bytes && { codec: REQUEST_CODEC.splice, base, bytes };
};

const zstdOn = async (base: KeptBody, body: Buffer): Promise<CodedRequest | undefined> =>
  zstdCodec.accepts(base.body)
    ? { codec: REQUEST_CODEC.zstd, base, bytes: await zstdCodec.encode([base.body], body) }
    : undefined;
