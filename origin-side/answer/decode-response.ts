/**
 * A response whose body came encoded, as the page that it is: only then can a delta be made of it. Only a page is decoded that
 * the edge codes again for this visitor: an archive is what its web server says, whoever asked for its coding, so that a
 * download that broke off can go on. GET, HEAD and 304 tell the same story. SPEC section "Encodings".
 */

import { acceptedCodings, type DecodableCoding } from "../../protocol/http/accept-encoding.ts";
import { isCompressible } from "../../protocol/http/compressible.ts";
import { fieldOf, isBodiless, type RequestHead, type ResponseHead } from "../../protocol/http/head.ts";
import {
  codingOf,
  decodedHead,
  isUntouchable,
  mustKeepCoding,
  notModifiedHead,
} from "../../protocol/http/representation.ts";
import { whyPassed } from "../../protocol/http/why-passed.ts";
import type { MemoryBudget } from "../../protocol/runtime/memory-budget.ts";
import type { UpstreamBody } from "../../protocol/upstream/body.ts";
import { CodedCopy } from "./coded-copy.ts";
import { decodeBody } from "./decompress.ts";
import { deniesCoding, needsLargeWindow } from "./first-bytes.ts";

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
  /** What it was coded as, where a coding was undone. */
  readonly coded?: CodedCopy | undefined;
}

/**
 * `gone`: nobody wants the body any more. Waits for the first bytes of a body that is to be decoded. Rejects with what that
 * body fails with before them.
 */
export const decodeResponse = (
  request: RequestHead,
  response: Response,
  options: DecodeResponseOptions,
  gone: AbortSignal,
): Promise<DecodedResponse> | DecodedResponse => {
  const coding = codingToUndo(request, response.head, options.pageBytes);
  return coding === undefined
    ? { head: asHeld(request, response.head), body: response.body }
    : undone(coding, request, response, options, gone);
};

const undone = async (
  coding: DecodableCoding,
  request: RequestHead,
  response: Response,
  options: DecodeResponseOptions,
  gone: AbortSignal,
): Promise<DecodedResponse> => {
  const head = decodedHead(response.head);
  if (request.method === "HEAD") return { head, body: response.body };
  const first = await response.body.ahead();
  // It is as it would be without us: what it says of itself is between the web server and the visitor.
  if (Buffer.isBuffer(first) && (deniesCoding(first, coding) || needsLargeWindow(first, coding)))
    return response;
  const lease = options.memory.lease(options.keyId);
  if (!lease.grow(DECODER_BYTES[coding])) return response;
  const copy = new CodedCopy(response.head, response.body, options.memory.lease(options.keyId));
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
  pageBytes: number,
): DecodableCoding | undefined => {
  const coding = codingOf(head.fields);
  if (coding === undefined || isBodiless(head.status) || head.status === PARTIAL) return undefined;
  if (isUntouchable(request.fields) || mustKeepCoding(head.fields)) return undefined;
  const isCodedAgain =
    acceptedCodings(request.fields).length > 0 && isCompressible(fieldOf(head.fields, "content-type") ?? "");
  return isCodedAgain && isWorthIt(head, pageBytes) ? coding : undefined;
};

/** Whether its page may travel as a delta. Asked as for GET, so that HEAD is answered alike. */
const isWorthIt = (head: ResponseHead, pageBytes: number): boolean => {
  const codedBytes = Number(fieldOf(head.fields, "content-length") ?? 0);
  return codedBytes <= pageBytes && whyPassed("GET", decodedHead(head)) === undefined;
};
