/**
 * The last step before the visitor: the page in a coding that the visitor accepts, flushed whenever its origin pauses, with
 * a head that says so. What is compressed already, what must not be changed and what is small goes out as it is. SPEC section
 * "Encodings".
 */
import { fieldOf, type ResponseHead } from "../protocol/wire/http-head.ts";
import {
  acceptedCodings,
  type Coding,
  isEncodable,
  LEAST_ENCODED_BYTES,
  refusesIdentity,
} from "./choose-coding.ts";
import { cleanTrailers } from "./clean-head.ts";
import { codedHead, notModifiedHead } from "./coded-head.ts";
import type { PagePieces, WholePage } from "./page-pieces.ts";
import type { VisitMemory } from "./visit-memory.ts";
import type { Visitor } from "./visitor.ts";
import type { VisitorEncoder, VisitorEncoders } from "./visitor-encoders.ts";

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
export const sendWhole = async (given: EncodeGiven, whole: WholePage): Promise<void> => {
  const { visitor, head } = given;
  // Before the head: what is wrong with them is a clean failure still.
  const trailers = cleanTrailers(whole.end.trailers);
  if (bodiless(given)) return sendHeadOnly(given);
  const coded = await encodeWhole(given, whole);
  // A length leaves no room for trailers.
  const codedBytes = trailers.length === 0 ? coded?.bytes.length : undefined;
  const shown = isEncodable(visitor, head) ? codedHead(head, coded?.coding, codedBytes) : head;
  visitor.head(shown, { trailers: trailers.length > 0 });
  const body = coded?.bytes ?? whole.page;
  if (body.length > 0) await visitor.body(body);
  visitor.end(trailers);
};

interface CodedPage {
  readonly coding: Coding;
  readonly bytes: Buffer;
}

/** The page gives way to what is made of it. The compressor is free again before the visitor has taken any of that. */
const encodeWhole = async (given: EncodeGiven, whole: WholePage): Promise<CodedPage | undefined> => {
  const encoder = whole.page.length === 0 ? undefined : takeEncoder(given, whole.page.length);
  if (encoder === undefined) return undefined;
  try {
    const bytes = await encoder.encode(whole.page);
    if (!given.memory.hold(bytes)) return undefined;
    whole.page = NOTHING;
    return { coding: encoder.coding, bytes };
  } finally {
    encoder.release();
  }
};

const NOTHING = Buffer.alloc(0);

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
      if (!(await pieces.ready())) {
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
