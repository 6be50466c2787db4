/**
 * A buffered body: nothing of it goes out before the 16 bytes of its SHA-256 match. What takes long to decode is
 * decoded while it comes. It is held in memory until the visitor has it; without memory for that, or after a mismatch,
 * it comes again as plain bytes that stream, no faster than the visitor takes them. SPEC section "Verification".
 */
import { type DecodeLimits, DeltaError, type EarlyDecoding } from "../../protocol/codec/codec.ts";
import { codecById } from "../../protocol/codec/codecs.ts";
import { StreamError } from "../../protocol/errors.ts";
import type { AnswerFrame } from "../../protocol/frames/frame.ts";
import { type Fingerprint, fingerprintOf } from "../../protocol/store/fingerprint.ts";
import type { Version } from "../../protocol/store/version-store.ts";
import type { BodyEnd } from "../../protocol/upstream/body.ts";
import { COMPLETE, framesOfBody, framesTo } from "../exchange/answer-frames.ts";
import type { Exchange } from "../exchange/exchange.ts";
import type { DecodeContext } from "./decode-context.ts";
import { decodeStreamed } from "./decode-streamed.ts";
import type { WholePage } from "./page-lookahead.ts";

type Decode = (
  bases: readonly Version[],
  coded: Buffer,
  options: DecodeContext,
  exchange: Exchange,
) => Promise<Buffer> | Buffer;

export const sameBody: Decode = ([version]) => {
  if (version === undefined) throw new DeltaError("the answer names a version that was not offered");
  return version.body;
};

/** How what the codec of this number made is decoded. */
export const decodeWith = (codec: number): Pick<BufferedBody, "decode" | "codec"> => ({
  codec,
  decode: (bases, coded, options, exchange) => {
    const known = codecById(codec);
    if (known === undefined) throw new DeltaError(`codec ${codec} is not known here`);
    return timed(options, () => known.decode(bodiesOf(bases), coded, limitsOf(options, exchange)));
  },
});

/** So much is told of decoding: what it took once all was here. */
const timed = async (options: DecodeContext, decode: () => Promise<Buffer>): Promise<Buffer> => {
  const startedAt = options.clock.now();
  const page = await decode();
  options.decoded(options.clock.now() - startedAt);
  return page;
};

const bodiesOf = (bases: readonly Version[]): readonly Buffer[] => bases.map(({ body }) => body);

const limitsOf = ({ pageBytes }: DecodeContext, exchange: Exchange): DecodeLimits => ({
  pageBytes,
  stillWanted: () => exchange.stillWanted(),
});

export interface BufferedBody {
  /** Undefined: the answer names a version that was not offered. */
  readonly bases: readonly Version[] | undefined;
  /** The first 16 bytes of the body's SHA-256. */
  readonly result: string;
  readonly decode: Decode;
  /** Its number, where one is needed. */
  readonly codec?: number;
  /** A mismatch can be mended: the origin side has retained the body, until it hears that it is verified. */
  readonly retained: boolean;
}

type Decoded = WholePage | AsyncGenerator<Buffer, BodyEnd>;

/**
 * The page, or the plain bytes that come in its place; at once where all of it came with its head and needs no decoding. Throws or
 * rejects with StreamError when neither can be had.
 */
export const decodeBuffered = (
  answer: AnswerFrame,
  exchange: Exchange,
  options: DecodeContext,
  one: BufferedBody,
): Promise<Decoded> | Decoded => {
  // Nearly always all of it came with its head.
  const here = cameWithHead(answer, exchange, options);
  if (here !== undefined) return decodeCollected(here, exchange, options, one);
  return collect(answer, exchange, options, one).then((all) => decodeCollected(all, exchange, options, one));
};

/** Verified, remembered, and held; the coded bytes of one that nobody has retained wait here for memory. */
const decodeCollected = (
  { coded, end, early }: Collected,
  exchange: Exchange,
  options: DecodeContext,
  one: BufferedBody,
): Promise<Decoded> | Decoded => {
  if (coded === undefined) return plainBytes(exchange, options);
  const verify = (decoded: Buffer | undefined): Promise<Decoded> | Decoded => {
    const page = verifiedAndHeld(decoded, coded, options, one);
    if (Buffer.isBuffer(page)) {
      if (one.retained) exchange.verified(page.length, true);
      return { page, end };
    }
    if (one.retained) {
      options.memory.lease.shrink(coded.length);
      if (page === "mismatch") options.onMismatch(one.bases ?? []);
      return plainBytes(exchange, options);
    }
    if (page === "mismatch") throw new StreamError("mismatch", "a whole answer that its digest does not fit");
    return options.memory.whenRoom(page).then((hasRoom) => {
      if (!hasRoom) throw noMemory();
      return decodeCollected({ coded, end }, exchange, options, one);
    });
  };
  const decoded = early
    ? timed(options, () => early.end()).catch(undecodable)
    : decodedBody(coded, options, one, exchange);
  return decoded instanceof Promise ? decoded.then(verify) : verify(decoded);
};

const plainBytes = (exchange: Exchange, options: DecodeContext): Decoded => {
  exchange.askWhole(0);
  return decodeStreamed(framesTo(exchange), exchange, options, undefined);
};

/** A number: so many bytes would be needed. The page is not held on to then. */
const verifiedAndHeld = (
  body: Buffer | undefined,
  coded: Buffer,
  options: DecodeContext,
  { bases, result }: BufferedBody,
): Buffer | "mismatch" | number => {
  const fingerprint = body && fingerprintFrom(bases?.[0], body);
  if (body === undefined || !fingerprint?.startsWith(result)) return "mismatch";
  options.remember(body, fingerprint);
  // What was collected makes room for what it became.
  options.memory.lease.shrink(coded.length);
  if (options.memory.hold(body)) return body;
  options.memory.lease.grow(coded.length);
  return body.length;
};

/** The body of a version has been hashed before, unless it is empty, being damaged; hashing a rebuilt one is what verifies it. */
const fingerprintFrom = (base: Version | undefined, body: Buffer): Fingerprint =>
  base !== undefined && body.length > 0 && body === base.body ? base.fingerprint : fingerprintOf(body);

const noMemory = (): StreamError =>
  new StreamError("internal", "no memory for this answer: see memory in edge.yaml");

/** Undefined where it cannot be decoded. */
const decodedBody = (
  coded: Buffer,
  options: DecodeContext,
  { bases, decode }: BufferedBody,
  exchange: Exchange,
): Promise<Buffer | undefined> | Buffer | undefined => {
  try {
    const decoded = bases && decode(bases, coded, options, exchange);
    return decoded instanceof Promise ? decoded.catch(undecodable) : decoded;
  } catch (error) {
    return undecodable(error);
  }
};

const undecodable = (error: unknown): undefined => {
  if (!(error instanceof DeltaError)) throw error;
};

interface Collected {
  readonly coded: Buffer | undefined;
  readonly end: BodyEnd;
  /** It is being decoded. */
  readonly early?: EarlyDecoding | undefined;
}

const cameWithHead = (
  { ended, body }: AnswerFrame,
  exchange: Exchange,
  options: DecodeContext,
): Collected | undefined => {
  if (!ended || !options.memory.lease.grow(body.length)) return undefined;
  exchange.taken(body.length);
  return { coded: body as Buffer, end: COMPLETE };
};

/**
 * Everything up to the end, within the memory that this exchange may take; nothing where that does not suffice and the origin
 * side has it still.
 */
const collect = async (
  answer: AnswerFrame,
  exchange: Exchange,
  options: DecodeContext,
  one: BufferedBody,
): Promise<Collected> => {
  const frames = framesOfBody(answer, exchange);
  let pieces: Buffer[] | undefined = [];
  let bytes = 0;
  let early: EarlyDecoding | undefined;
  try {
    for (;;) {
      const next = await frames.next();
      if ("how" in next) {
        options.collectedAt = options.clock.now();
        return { coded: pieces && joined(pieces), end: next, early };
      }
      if (next.kind !== "data") throw new StreamError("internal", `${next.kind} in a buffered body`);
      if (pieces !== undefined && (await taken(next.bytes.length, options, one.retained))) {
        if (bytes === 0) early = begun(next.bytes, exchange, options, one);
        early?.write(next.bytes);
        pieces.push(next.bytes);
        bytes += next.bytes.length;
      } else {
        early?.giveUp();
        early = undefined;
        pieces = undefined;
        options.memory.lease.shrink(bytes);
        bytes = 0;
      }
      exchange.taken(next.bytes.length);
    }
  } catch (error) {
    early?.giveUp();
    throw error;
  }
};

/** Undefined where it is decoded when all is here. */
const begun = (
  first: Buffer,
  exchange: Exchange,
  options: DecodeContext,
  { bases, codec }: BufferedBody,
): EarlyDecoding | undefined =>
  bases && codec !== undefined
    ? codecById(codec)?.early?.(bodiesOf(bases), first, limitsOf(options, exchange))
    : undefined;

/** Takes so much memory; what nobody has retained waits for it, and its frames in their window meanwhile. */
const taken = async (bytes: number, { memory }: DecodeContext, retained: boolean): Promise<boolean> => {
  while (!memory.lease.grow(bytes)) {
    if (retained) return false;
    if (!(await memory.whenRoom(bytes))) throw noMemory();
  }
  return true;
};

const joined = (pieces: readonly Buffer[]): Buffer =>
  pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces);
