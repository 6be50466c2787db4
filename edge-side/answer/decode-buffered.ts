/**
 * A body in one piece: nothing of it goes out before the 16 bytes of its SHA-256 match. It is held in memory until the visitor
 * has it; without memory for that, or in doubt, it comes again as plain bytes that stream, no faster than the visitor takes
 * them. SPEC section "Proof".
 */
import { DeltaError } from "../../protocol/codec/codec.ts";
import { codecById } from "../../protocol/codec/codecs.ts";
import { StreamError } from "../../protocol/errors.ts";
import type { AnswerFrame } from "../../protocol/frames/frame.ts";
import { type Fingerprint, fingerprintOf } from "../../protocol/store/fingerprint.ts";
import type { Version } from "../../protocol/store/version-store.ts";
import { type BodyEnd, COMPLETE, framesOfBody, framesTo } from "../exchange/answer-frames.ts";
import type { Exchange } from "../exchange/exchange.ts";
import type { DecodeContext } from "./decode-context.ts";
import { provedSegments } from "./decode-streamed.ts";
import type { WholePage } from "./page-lookahead.ts";

type Decode = (bases: readonly Version[], coded: Buffer, given: DecodeContext) => Promise<Buffer> | Buffer;

export const sameBody: Decode = ([version]) => {
  if (version === undefined) throw new DeltaError("the answer names a version that was not offered");
  return version.body;
};

export const decodeWith =
  (codecId: number): Decode =>
  async (bases, coded, given) => {
    const codec = codecById(codecId);
    if (codec === undefined) throw new DeltaError(`codec ${codecId} is not known here`);
    const startedAt = given.clock.now();
    const page = await codec.decode(
      bases.map(({ body }) => body),
      coded,
      { pageBytes: given.pageBytes },
    );
    given.decoded(given.clock.now() - startedAt);
    return page;
  };

export interface OnePiece {
  /** Undefined: the answer names a version that was not offered. */
  readonly bases: readonly Version[] | undefined;
  /** The first 16 bytes of the body's SHA-256. */
  readonly result: string;
  readonly decode: Decode;
  /** A doubt can be answered: the origin side has pinned the body, until it hears that it is proved. */
  readonly pinned: boolean;
}

/** The page, or the plain bytes that come in its place. Rejects with StreamError when neither can be had. */
export const rebuildOnePiece = async (
  answer: AnswerFrame,
  exchange: Exchange,
  given: DecodeContext,
  one: OnePiece,
): Promise<WholePage | AsyncGenerator<Buffer, BodyEnd>> => {
  const { page, end } = await heldPage(answer, exchange, given, one);
  if (typeof page === "string") {
    if (page === "unproved") given.doubted(one.bases ?? []);
    exchange.askWhole(0);
    return provedSegments(framesTo(exchange), exchange, given, undefined);
  }
  if (one.pinned) exchange.proved(page.length, true);
  return { page, end };
};

/** The page, proved, remembered, and held; the coded bytes of one that nobody has pinned wait here for memory. */
const heldPage = async (
  answer: AnswerFrame,
  exchange: Exchange,
  given: DecodeContext,
  one: OnePiece,
): Promise<{ readonly page: Buffer | "unproved" | "no room"; readonly end: BodyEnd }> => {
  // Nearly always all of it came with its head.
  const { coded, end } =
    cameWithHead(answer, exchange, given) ?? (await collect(answer, exchange, given, one));
  if (coded === undefined) return { page: "no room", end };
  for (;;) {
    const page = await provedAndHeld(coded, given, one);
    if (Buffer.isBuffer(page)) return { page, end };
    if (one.pinned) {
      given.lease.shrink(coded.length);
      return { page: page === "unproved" ? page : "no room", end };
    }
    if (page === "unproved") throw new StreamError("unproved", "a whole answer that its proof does not fit");
    if (!(await given.whenRoom(page))) throw noMemory();
  }
};

/** A number: so many bytes would be needed. The page is not held on to then. */
const provedAndHeld = async (
  coded: Buffer,
  given: DecodeContext,
  { bases, result, decode }: OnePiece,
): Promise<Buffer | "unproved" | number> => {
  const proved = bases && (await provenPage(bases, coded, given, result, decode));
  if (proved === undefined) return "unproved";
  given.remember(proved.body, proved.fingerprint);
  // What was collected makes room for what it became.
  given.lease.shrink(coded.length);
  if (given.hold(proved.body)) return proved.body;
  given.lease.grow(coded.length);
  return proved.body.length;
};

const noMemory = (): StreamError =>
  new StreamError("internal", "no memory for this answer: see memory in edge.yaml");

const provenPage = async (
  bases: readonly Version[],
  coded: Buffer,
  given: DecodeContext,
  result: string,
  decode: Decode,
): Promise<{ body: Buffer; fingerprint: Fingerprint } | undefined> => {
  try {
    const body = await decode(bases, coded, given);
    // The body of a version has been hashed before; hashing a rebuilt one is what proves it.
    const [base] = bases;
    const fingerprint = base !== undefined && body === base.body ? base.fingerprint : fingerprintOf(body);
    return fingerprint.startsWith(result) ? { body, fingerprint } : undefined;
  } catch (error) {
    if (error instanceof DeltaError) return undefined;
    throw error;
  }
};

interface Collected {
  readonly coded: Buffer | undefined;
  readonly end: BodyEnd;
}

const cameWithHead = (
  { ended, body }: AnswerFrame,
  exchange: Exchange,
  given: DecodeContext,
): Collected | undefined => {
  if (!ended || !given.lease.grow(body.length)) return undefined;
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
  given: DecodeContext,
  { pinned }: OnePiece,
): Promise<Collected> => {
  const frames = framesOfBody(answer, exchange);
  let pieces: Buffer[] | undefined = [];
  let bytes = 0;
  for (;;) {
    const next = await frames.next();
    if ("how" in next) return { coded: pieces && joined(pieces), end: next };
    if (next.kind !== "data") throw new StreamError("internal", `${next.kind} in a body of one piece`);
    if (pieces !== undefined && (await taken(next.bytes.length, given, pinned))) {
      pieces.push(next.bytes);
      bytes += next.bytes.length;
    } else {
      pieces = undefined;
      given.lease.shrink(bytes);
      bytes = 0;
    }
    exchange.taken(next.bytes.length);
  }
};

/** Takes so much memory; what nobody has pinned waits for it, and its frames in their window meanwhile. */
const taken = async (
  bytes: number,
  { lease, whenRoom }: DecodeContext,
  pinned: boolean,
): Promise<boolean> => {
  while (!lease.grow(bytes)) {
    if (pinned) return false;
    if (!(await whenRoom(bytes))) throw noMemory();
  }
  return true;
};

const joined = (pieces: readonly Buffer[]): Buffer =>
  pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces);
