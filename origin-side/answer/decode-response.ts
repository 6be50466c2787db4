/**
 * A response whose body came encoded, as the page that it is: only then can a delta be made of it. What must not be changed
 * (no-transform, parts) or gains nothing passes as it is; but never does a visitor get a coding that it did not ask
 * for because we did. GET, HEAD and 304 tell the same story. SPEC section "Encodings".
 */

import { acceptedOf, type DecodableCoding } from "../../protocol/http/accept-encoding.ts";
import {
  fieldOf,
  isBodiless,
  listOf,
  type RequestHead,
  type ResponseHead,
} from "../../protocol/http/head.ts";
import {
  codingOf,
  decodedHead,
  forbidsTransform,
  isUntouchable,
  notModifiedHead,
} from "../../protocol/http/representation.ts";
import type { MemoryBudget } from "../../protocol/runtime/memory-budget.ts";
import type { UpstreamBody } from "../../protocol/upstream/body.ts";
import { howItTravels } from "./choose-answer.ts";
import { CodedCopy } from "./coded-copy.ts";
import { decodeBody } from "./decompress.ts";

/** What a decoder holds while its body comes: its window (RFC 7932 and RFC 9659: 16 and 8 MiB at most) and buffers. */
const DECODER_BYTES: Readonly<Record<DecodableCoding, number>> = {
  gzip: 128 * 1024,
  deflate: 128 * 1024,
  br: 16 * 1024 * 1024,
  zstd: 8 * 1024 * 1024,
};

export interface DecodeResponseOptions {
  readonly memory: MemoryBudget;
  readonly keyId: string;
  /** A larger body is not worth it: it would not be remembered. */
  readonly pageBytes: number;
}

export interface Response {
  readonly head: ResponseHead;
  readonly body: UpstreamBody;
}

export interface DecodedResponse extends Response {
  /** Where a coding was undone that the visitor may get. */
  readonly coded?: CodedCopy | undefined;
}

/** `asked`: the web server was asked for codings on our own account. `gone`: nobody wants the body any more. */
export const decodeResponse = (
  request: RequestHead,
  response: Response,
  options: DecodeResponseOptions,
  { asked, gone }: { readonly asked: boolean; readonly gone: AbortSignal },
): DecodedResponse => {
  const coding = codingToUndo(request, response.head, { asked, pageBytes: options.pageBytes });
  if (coding === undefined) return { head: asHeld(request, response.head), body: response.body };
  const head = decodedHead(response.head);
  if (request.method === "HEAD") return { head, body: response.body };
  const lease = options.memory.lease(options.keyId);
  const stays = mayStay(request, coding, { asked });
  if (!lease.grow(DECODER_BYTES[coding]) && stays) return response;
  const copy = stays
    ? new CodedCopy(response.head, response.body, options.memory.lease(options.keyId))
    : undefined;
  const body = decodeBody(response.body, coding, {
    pageBytes: options.pageBytes,
    gone,
    copy,
    over: () => lease.release(),
  });
  return { head, body, coded: copy };
};

const NOT_MODIFIED = 304;
const PARTIAL = 206;

/** Nothing else tells whether the response that a 304 speaks of would have been coded. */
const asHeld = (request: RequestHead, head: ResponseHead): ResponseHead =>
  head.status === NOT_MODIFIED ? notModifiedHead(head, request.fields) : head;

const codingToUndo = (
  request: RequestHead,
  head: ResponseHead,
  options: { readonly asked: boolean; readonly pageBytes: number },
): DecodableCoding | undefined => {
  const coding = codingOf(head.fields);
  if (coding === undefined || isBodiless(head.status) || head.status === PARTIAL) return undefined;
  if (isUntouchable(request.fields)) return undefined; // it went out with the visitor's own Accept-Encoding
  const gains = !forbidsTransform(head.fields) && isWorthIt(request, head, options.pageBytes);
  return gains || !mayStay(request, coding, options) ? coding : undefined;
};

/** Whether the visitor may get this coding: it asked for it, or the web server uses it unasked. */
const mayStay = (
  request: RequestHead,
  coding: DecodableCoding,
  { asked }: { readonly asked: boolean },
): boolean =>
  !asked ||
  (listOf(request.fields, "accept-encoding") !== undefined &&
    acceptedOf(request.fields, [coding]).length > 0);

/** Whether its page may travel as a delta. Asked as for GET, so that HEAD is answered alike. */
const isWorthIt = (request: RequestHead, head: ResponseHead, pageBytes: number): boolean => {
  const codedBytes = Number(fieldOf(head.fields, "content-length") ?? 0);
  return (
    codedBytes <= pageBytes && howItTravels({ ...request, method: "GET" }, decodedHead(head)) === "coded"
  );
};
