/**
 * The last step before the visitor: the page in a coding that the visitor accepts, flushed whenever its origin pauses, with
 * a head that says so. What is compressed already, what must not be changed and what is small goes out as it is. SPEC section
 * "Encodings".
 */

import { acceptedCodings, type Coding, refusesIdentity } from "../../protocol/http/accept-encoding.ts";
import { fieldOf, type ResponseHead } from "../../protocol/http/head.ts";
import { codedHead, notModifiedHead } from "../../protocol/http/representation.ts";
import type { PagePieces, WholePage } from "../answer/page-lookahead.ts";
import type { VisitMemory } from "../exchange/visit-memory.ts";
import type { Visitor } from "../exchange/visitor.ts";
import { cleanTrailers } from "../http/sanitize-head.ts";
import { isEncodable, LEAST_ENCODED_BYTES } from "./compressible.ts";
import type { VisitorEncoder, VisitorEncoders } from "./compressor-pool.ts";
import type { PageCopies } from "./page-copies.ts";

export interface EncodeGiven {
  readonly visitor: Visitor;
  /** Clean already. */
  readonly head: ResponseHead;
  readonly encoders: VisitorEncoders;
  readonly memory: Pick<VisitMemory, "hold">;
  /** Whose memory a compressor takes. */
  readonly keyId: string;
}

/** A page that is all here, of whatever size: it gets its new length. */
export const sendWhole = async (given: EncodeGiven, whole: WholePage, copies: PageCopies): Promise<void> => {
  const { visitor, head } = given;
  // Before the head: what is wrong with them is a clean failure still.
  const trailers = cleanTrailers(whole.end.trailers);
  if (bodiless(given)) return sendHeadOnly(given);
  const encodable = isEncodable(visitor, head);
  const codings = encodable && whole.page.length > 0 ? wantedCodings(visitor, whole.page.length) : NONE;
  const coded = codings.length > 0 ? await codedPage(given, whole, { codings, copies }) : undefined;
  // A length leaves no room for trailers.
  const codedBytes = trailers.length === 0 ? coded?.bytes.length : undefined;
  visitor.head(encodable ? codedHead(head, coded?.coding, codedBytes) : head, {
    trailers: trailers.length > 0,
  });
  const body = coded?.bytes ?? whole.page;
  if (body.length > 0) await visitor.body(body);
  visitor.end(trailers);
};

interface CodedPage {
  readonly coding: Coding;
  readonly bytes: Buffer;
}

interface CodingGiven {
  /** That the visitor accepts, the best first. */
  readonly codings: readonly Coding[];
  readonly copies: PageCopies;
}

/** The page in the best coding that there is a copy or a compressor for, and gives way to it; undefined: as it is. */
const codedPage = async (
  given: EncodeGiven,
  whole: WholePage,
  { codings, copies }: CodingGiven,
): Promise<CodedPage | undefined> => {
  const [best] = codings;
  const copy = best && copies.findCopy(best);
  const coded =
    best !== undefined && copy !== undefined
      ? { coding: best, bytes: copy }
      : await encodedPage(given, whole.page, { codings, copies });
  if (coded === undefined || !given.memory.hold(coded.bytes)) return undefined;
  whole.page = NOTHING;
  return coded;
};

/** The compressor is free again before the visitor has taken any of what it made. */
const encodedPage = async (
  { encoders, keyId }: EncodeGiven,
  page: Buffer,
  { codings, copies }: CodingGiven,
): Promise<CodedPage | undefined> => {
  const encoder = encoders.take(codings, keyId);
  if (encoder === undefined) return undefined;
  try {
    const bytes = await encoder.encode(page, { often: copies.worthKeeping });
    if (copies.worthKeeping) copies.keepCopy(encoder.coding, bytes);
    return { coding: encoder.coding, bytes };
  } finally {
    encoder.release();
  }
};

const NOTHING = Buffer.alloc(0);
const NONE: readonly Coding[] = [];

/** A page that comes as its origin makes it. */
export const sendAsItComes = async (given: EncodeGiven, pieces: PagePieces): Promise<void> => {
  const { visitor, head } = given;
  const length = fieldOf(head.fields, "content-length");
  const encoder = bodiless(given) ? undefined : takeEncoder(given, length && Number(length));
  try {
    if (bodiless(given)) visitor.head(headOnly(given));
    else {
      const shown = isEncodable(visitor, head) ? codedHead(head, encoder?.coding, undefined) : head;
      visitor.head(shown, { trailers: true });
    }
    for (;;) {
      // Once the head has left, only a compressor holds anything back.
      if ((encoder !== undefined || pieces.bytes === 0) && !(await pieces.ready())) {
        await passOn(visitor, await encoder?.flush());
        visitor.flush();
      }
      const step = await pieces.next();
      if (step.done) {
        await passOn(visitor, await encoder?.end());
        return visitor.end(cleanTrailers(step.value.trailers));
      }
      await passOn(visitor, encoder === undefined ? step.value : await encoder.write(step.value));
    }
  } finally {
    encoder?.release();
  }
};

const passOn = async (visitor: Visitor, bytes: Buffer | undefined): Promise<void> => {
  if (bytes !== undefined && bytes.length > 0) await visitor.body(bytes);
};

const NOT_MODIFIED = 304;

/** Answers whose head speaks of a body that does not come. */
const bodiless = ({ visitor, head }: EncodeGiven): boolean =>
  visitor.method === "HEAD" || head.status === NOT_MODIFIED;

const sendHeadOnly = (given: EncodeGiven): void => {
  given.visitor.head(headOnly(given));
  given.visitor.end([]);
};

const headOnly = ({ visitor, head }: EncodeGiven): ResponseHead => {
  if (head.status === NOT_MODIFIED) return visitor.compress ? notModifiedHead(head, visitor.fields) : head;
  if (!isEncodable(visitor, head)) return head;
  const length = fieldOf(head.fields, "content-length");
  return codedHead(head, wantedCodings(visitor, length && Number(length))[0], undefined);
};

const takeEncoder = (
  { visitor, head, encoders, keyId }: EncodeGiven,
  bytes: number | "" | undefined,
): VisitorEncoder | undefined =>
  isEncodable(visitor, head) ? encoders.take(wantedCodings(visitor, bytes), keyId) : undefined;

/** `bytes`: of the page, as far as known. */
const wantedCodings = (visitor: Visitor, bytes: number | "" | undefined): readonly Coding[] => {
  const small = typeof bytes === "number" && bytes < LEAST_ENCODED_BYTES;
  return small && !refusesIdentity(visitor.fields) ? [] : acceptedCodings(visitor.fields);
};
