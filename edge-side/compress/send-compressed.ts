/**
 * The last step before the visitor: the page in a coding that the visitor accepts, flushed whenever its origin pauses, with
 * a head that says so. What is compressed already, what must not be changed and what is small goes out as it is. SPEC section
 * "Encodings".
 */

import {
  acceptedCodings,
  type Coding,
  quickCodings,
  refusesIdentity,
} from "../../protocol/http/accept-encoding.ts";
import { fieldOf, type ResponseHead } from "../../protocol/http/head.ts";
import { type HeaderList, NO_FIELDS } from "../../protocol/http/header-list.ts";
import { codedHead, notModifiedHead, recodedTrailers, varies } from "../../protocol/http/representation.ts";
import { SizePadding } from "../../protocol/http/size-padding.ts";
import type { PageLookahead, WholePage } from "../answer/page-lookahead.ts";
import { copyName, type Dictionary } from "../dictionaries/available-dictionary.ts";
import { onDictionary } from "../dictionaries/dictionary-heads.ts";
import type { SizeExposure } from "../exchange/size-exposure.ts";
import type { VisitMemory } from "../exchange/visit-memory.ts";
import { PART_BYTES, type Visitor } from "../exchange/visitor.ts";
import { takesTrailers } from "../exchange/visitor-request.ts";
import { sanitizeTrailers } from "../http/sanitize-head.ts";
import { isEncodable, LEAST_ENCODED_BYTES } from "./compressible.ts";
import type { CompressorPool, PageCompressor } from "./compressor-pool.ts";
import { paddedGzip } from "./padded-gzip.ts";
import type { PageCopies } from "./page-copies.ts";
import type { VaryingPages } from "./varying-pages.ts";

export interface CompressOptions {
  readonly visitor: Visitor;
  /** Clean already. */
  readonly head: ResponseHead;
  readonly encoders: CompressorPool;
  readonly memory: Pick<VisitMemory, "hold">;
  /** Who may learn something from the size of what is sent. */
  readonly exposure: SizeExposure;
  /** Whose memory a compressor takes. */
  readonly keyId: string;
  readonly varying: VaryingPages;
  /** One that the visitor has too; its page may be coded with it. */
  readonly dictionary?: Dictionary | undefined;
  /** Adds what is told about the visit (Server-Timing) to its head. */
  leaving(head: ResponseHead): ResponseHead;
}

/** Every final head leaves by this. */
const sendHead = (
  options: CompressOptions,
  head: ResponseHead,
  mode?: Parameters<Visitor["head"]>[1],
): void => {
  const { visitor, varying, keyId, dictionary } = options;
  const shown = varying.shown({ keyId, host: visitor.host, target: visitor.target }, head);
  // A 304 says what the 200 would have said.
  const onOne = dictionary && head.status === NOT_MODIFIED && varies(shown.fields);
  visitor.head(options.leaving(onOne ? onDictionary(shown, dictionary.audience) : shown), mode);
};

/** A page that is all here, of whatever size: it gets its new length. Undefined where all of it was given out at once. */
export const sendWhole = (
  options: CompressOptions,
  whole: WholePage,
  copies: PageCopies,
): Promise<void> | undefined => {
  const { visitor, head, encoders } = options;
  // Checked before the head leaves: until then a failure can be an error page.
  const { trailers: sent } = whole.end;
  const trailers = sent.length === 0 ? sent : trailersFor(visitor, sent);
  if (bodiless(options)) {
    sendHeadOnly(options);
    return undefined;
  }
  const encodable = isEncodable(visitor, head);
  const short = !copies.worthKeeping && encoders.isShortOfTime;
  const codings = encodable && whole.page.length > 0 ? codingsFor(options, whole.page.length, short) : NONE;
  const give = (coded: CodedPage | undefined): Promise<void> | undefined => {
    const kept = coded === undefined ? trailers : recodedTrailers(trailers);
    // A length leaves no room for trailers.
    const codedBytes = kept.length === 0 ? coded?.bytes.length : undefined;
    sendHead(options, encodable ? headIn(options, coded?.coding, codedBytes) : head, {
      trailers: kept.length > 0,
    });
    return sendBody(visitor, coded?.bytes ?? whole.page, kept);
  };
  const coded = codings.length > 0 ? codedPage(options, whole, { codings, copies }) : undefined;
  return coded instanceof Promise ? coded.then(give) : give(coded);
};

const sendBody = (visitor: Visitor, body: Buffer, trailers: HeaderList): Promise<void> | undefined => {
  // A connection takes this much at once if it has nothing else to send.
  const isSmall = body.length < PART_BYTES && visitor.upgrade === undefined;
  if (!isSmall && body.length > 0) return visitor.body(body).then(() => visitor.end(trailers));
  visitor.end(trailers, isSmall ? body : undefined);
  return undefined;
};

type AnyCoding = PageCompressor["coding"];

const headIn = (
  { head, dictionary }: CompressOptions,
  coding: AnyCoding | undefined,
  codedBytes: number | undefined,
): ResponseHead => {
  const coded = codedHead(head, coding, codedBytes);
  return dictionary !== undefined && dictionary.coding === coding
    ? onDictionary(coded, dictionary.audience)
    : coded;
};

interface CodedPage {
  readonly coding: AnyCoding;
  readonly bytes: Buffer;
}

interface CodingOptions {
  /** That the visitor accepts, the best first. */
  readonly codings: readonly Coding[];
  readonly copies: PageCopies;
}

/** The page in the best coding of which there is a copy, or for which there is a compressor; undefined: it goes out as it is. */
const codedPage = (
  options: CompressOptions,
  whole: WholePage,
  { codings, copies }: CodingOptions,
): Promise<CodedPage | undefined> | CodedPage | undefined => {
  if (options.exposure !== "none" && options.exposure !== "own") return paddedPage(options, whole, codings);
  const { dictionary } = options;
  const best = dictionary?.coding ?? codings[0];
  const copy = best && copies.findCopy(dictionary === undefined ? best : copyName(dictionary));
  const hold = (coded: CodedPage | undefined): CodedPage | undefined => {
    if (coded === undefined || !options.memory.hold(coded.bytes)) return undefined;
    whole.page = NOTHING;
    return coded;
  };
  if (best !== undefined && copy !== undefined) return hold({ coding: best, bytes: copy });
  return encodedPage(options, whole.page, { codings, copies }).then(hold);
};

/** Its size must not tell what it says. */
const paddedPage = async (
  options: CompressOptions,
  whole: WholePage,
  codings: readonly Coding[],
): Promise<CodedPage | undefined> => {
  const { page } = whole;
  const coded = await encodedPage(options, page, { codings, copies: NO_COPIES });
  if (coded === undefined) return undefined;
  const bytes = paddedGzip(coded.bytes, page, padding);
  if (!options.memory.hold(bytes)) return undefined;
  whole.page = NOTHING;
  return { coding: coded.coding, bytes };
};

/** One key for the whole run. */
const padding = new SizePadding();
export const NO_COPIES: PageCopies = { worthKeeping: false, findCopy: () => undefined, keepCopy() {} };

/** The compressor is free again before the visitor has taken any of what it made. */
const encodedPage = async (
  { encoders, keyId, dictionary }: CompressOptions,
  page: Buffer,
  { codings, copies }: CodingOptions,
): Promise<CodedPage | undefined> => {
  const encoder = encoders.take(codings, keyId, dictionary);
  if (encoder === undefined) return undefined;
  try {
    const made = encoder.encode(page, { often: copies.worthKeeping });
    const bytes = made instanceof Promise ? await made : made;
    const { coding } = encoder;
    const name = dictionary?.coding === coding ? copyName(dictionary) : coding;
    if (copies.worthKeeping) copies.keepCopy(name, bytes);
    return { coding: encoder.coding, bytes };
  } finally {
    encoder.release();
  }
};

const NOTHING = Buffer.alloc(0);
const NONE: readonly Coding[] = [];

/** A page that comes as its origin makes it. */
export const sendAsItComes = async (options: CompressOptions, pieces: PageLookahead): Promise<void> => {
  const { visitor, head } = options;
  const length = fieldOf(head.fields, "content-length");
  const encoder = bodiless(options) ? undefined : takeEncoder(options, length && Number(length));
  try {
    if (bodiless(options)) sendHead(options, headOnly(options));
    else {
      const shown = isEncodable(visitor, head) ? headIn(options, encoder?.coding, undefined) : head;
      // Whoever gets them: a stream of HTTP/2 that waits for trailers has not ended when it is cut.
      sendHead(options, shown, { trailers: true });
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
        const trailers = trailersFor(visitor, step.value.trailers);
        return visitor.end(encoder === undefined ? trailers : recodedTrailers(trailers));
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

/** Trailers that could not go to any visitor fail for each, whether it takes trailers or not. */
const trailersFor = (visitor: Visitor, came: HeaderList): HeaderList => {
  const trailers = sanitizeTrailers(came);
  return takesTrailers(visitor) ? trailers : NO_FIELDS;
};

const NOT_MODIFIED = 304;

/** Responses whose head describes a body that is not sent. */
const bodiless = ({ visitor, head }: CompressOptions): boolean =>
  visitor.method === "HEAD" || head.status === NOT_MODIFIED;

const sendHeadOnly = (options: CompressOptions): void => {
  sendHead(options, headOnly(options));
  options.visitor.end([]);
};

const headOnly = (options: CompressOptions): ResponseHead => {
  const { visitor, head } = options;
  if (head.status === NOT_MODIFIED) return visitor.compress ? notModifiedHead(head, visitor.fields) : head;
  if (!isEncodable(visitor, head)) return head;
  const length = fieldOf(head.fields, "content-length");
  const [coding] = codingsFor(options, length && Number(length));
  return headIn(options, coding && (options.dictionary?.coding ?? coding), undefined);
};

const takeEncoder = (
  { visitor, head, encoders, keyId, exposure, dictionary }: CompressOptions,
  bytes: number | "" | undefined,
): PageCompressor | undefined => {
  if ((exposure !== "none" && exposure !== "own") || !isEncodable(visitor, head)) return undefined;
  const codings = wantedCodings(visitor, bytes, encoders.isShortOfTime);
  return encoders.take(codings, keyId, codings.length > 0 ? dictionary : undefined);
};

/** Of those wanted, the ones whose sizes tell nothing to anybody who may see them. */
const codingsFor = (
  { visitor, exposure }: CompressOptions,
  bytes: number | "" | undefined,
  shortOfTime = false,
): readonly Coding[] => {
  if (exposure === "foreign") return NONE;
  const wanted = wantedCodings(visitor, bytes, shortOfTime);
  return exposure === "navigation" ? wanted.filter((coding) => coding === "gzip") : wanted;
};

/** `bytes`: of the page, as far as known. */
const wantedCodings = (
  visitor: Visitor,
  bytes: number | "" | undefined,
  shortOfTime: boolean,
): readonly Coding[] => {
  const small = typeof bytes === "number" && bytes < LEAST_ENCODED_BYTES;
  return small && !refusesIdentity(visitor.fields)
    ? []
    : (shortOfTime ? quickCodings : acceptedCodings)(visitor.fields);
};
