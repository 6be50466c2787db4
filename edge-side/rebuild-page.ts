/**
 * Bases and delta become the page again, and only what is proved gets out: a body in one piece by its 16 bytes, a streamed
 * one segment by segment. Any doubt about a delta ends in plain bytes on the same stream, from the last proved byte on.
 * SPEC section "Proof".
 */
import { createHash } from "node:crypto";
import { DeltaError } from "../protocol/delta/codec.ts";
import { codecById } from "../protocol/delta/codecs.ts";
import type { Lease } from "../protocol/kit/byte-budget.ts";
import type { Clock } from "../protocol/kit/clock.ts";
import { type Fingerprint, fingerprintOf } from "../protocol/versions/fingerprint.ts";
import type { Version } from "../protocol/versions/version-store.ts";
import { StreamError } from "../protocol/wire/errors.ts";
import { type AnswerForm, type AnswerFrame, DIGEST_BYTES } from "../protocol/wire/frame.ts";
import { type BodyEnd, type CodedFrames, framesOfBody } from "./answer-frames.ts";
import type { OutgoingExchange } from "./outgoing-exchange.ts";
import { passedBody } from "./passed-body.ts";
import { provedSegments } from "./proved-segments.ts";

export interface RebuildGiven {
  /** What the request offered, in that order. */
  readonly offered: readonly Version[];
  readonly clock: Clock;
  readonly pageBytes: number;
  /** The memory that this exchange takes while it is put together. */
  readonly lease: Lease;
  /** Takes memory for a page until the visitor has it; false where there is none. */
  hold(page: Buffer): boolean;
  /** Waits, within reason, until there could be memory for so many bytes; false: there was none. */
  whenRoom(bytes: number): Promise<boolean>;
  /** A whole, proved body; called before its last piece is given out. */
  remember(body: Buffer, fingerprint: Fingerprint): void;
  /** Plain bytes begin, with the ETag that the head had left out. Throws StreamError. Undefined: it left none out. */
  resumed?(tag: string | undefined): void;
  /** A delta did not prove; these were its bases. */
  doubted(bases: readonly Version[]): void;
  /** Milliseconds spent decoding. */
  decoded(ms: number): void;
}

/** Whether the body comes out whole or not at all, so the answer's head can wait for it. */
export const inOnePiece = (form: AnswerForm): boolean => {
  if (form.kind === "delta") return form.proof.of === "result";
  return form.kind === "same" || (form.kind === "whole" && form.result !== undefined);
};

/**
 * The body, proved piece by proved piece; returns how it ended. Throws StreamError when it cannot be had; what came out
 * before is right.
 */
export async function* rebuildPage(
  answer: AnswerFrame,
  exchange: OutgoingExchange,
  given: RebuildGiven,
): AsyncGenerator<Buffer, BodyEnd> {
  const frames = framesOfBody(answer, exchange);
  const { form } = answer;
  switch (form.kind) {
    case "passed":
    case "interim":
      return yield* passedBody(frames, exchange);
    case "same": {
      const version = given.offered[form.offer];
      const bases = version && [version];
      return yield* onePiece(frames, exchange, given, {
        bases,
        result: form.result,
        decode: sameBody,
        pinned: true,
      });
    }
    case "delta": {
      const bases = basesOf(given.offered, form.offers);
      if (form.proof.of === "result")
        return yield* onePiece(frames, exchange, given, {
          bases,
          result: form.proof.digest,
          decode: decodeWith(form.codec),
          pinned: true,
        });
      const right = digestOf(bases) === form.proof.digest;
      return yield* provedSegments(frames, exchange, given, {
        bases: right ? bases : undefined,
        codec: form.codec,
        pinned: true,
      });
    }
    case "whole":
      if (form.result !== undefined)
        return yield* onePiece(frames, exchange, given, {
          bases: [],
          result: form.result,
          decode: decodeWith(form.codec),
          pinned: false,
        });
      return yield* provedSegments(frames, exchange, given, { bases: [], codec: form.codec, pinned: false });
  }
}

/** The offered versions whose bit is set; undefined when the mask names one that was not offered. */
const basesOf = (offered: readonly Version[], mask: number): readonly Version[] | undefined =>
  mask >> offered.length === 0 ? offered.filter((_, offer) => (mask >> offer) & 1) : undefined;

const digestOf = (bases: readonly Version[] | undefined): string => {
  const hash = createHash("sha256");
  for (const { fingerprint } of bases ?? []) hash.update(fingerprint, "latin1");
  return hash.digest().toString("latin1", 0, DIGEST_BYTES);
};

type Decode = (bases: readonly Version[], coded: Buffer, given: RebuildGiven) => Promise<Buffer>;

const sameBody: Decode = async ([version]) => {
  if (version === undefined) throw new DeltaError("the answer names a version that was not offered");
  return version.body;
};

const decodeWith =
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

interface OnePiece {
  /** Undefined: the answer names a version that was not offered. */
  readonly bases: readonly Version[] | undefined;
  /** The first 16 bytes of the body's SHA-256. */
  readonly result: string;
  readonly decode: Decode;
  /** A doubt can be answered: the origin side has pinned the body, until it hears that it is proved. */
  readonly pinned: boolean;
}

/**
 * A body in one piece: nothing of it goes out before the 16 bytes of its SHA-256 match. It is held in memory until the visitor
 * has it; without memory for that it comes again as plain bytes that stream, no faster than the visitor takes them.
 */
async function* onePiece(
  frames: CodedFrames,
  exchange: OutgoingExchange,
  given: RebuildGiven,
  one: OnePiece,
): AsyncGenerator<Buffer, BodyEnd> {
  const { page, end } = await heldPage(frames, exchange, given, one);
  if (typeof page === "string") {
    if (page === "unproved") given.doubted(one.bases ?? []);
    exchange.askWhole(0);
    return yield* provedSegments(frames, exchange, given, undefined);
  }
  if (one.pinned) exchange.proved(page.length, true);
  if (page.length > 0) yield page;
  return end;
}

/** The page, proved, remembered, and held; the coded bytes of one that nobody has pinned wait here for memory. */
const heldPage = async (
  frames: CodedFrames,
  exchange: OutgoingExchange,
  given: RebuildGiven,
  one: OnePiece,
): Promise<{ readonly page: Buffer | "unproved" | "no room"; readonly end: BodyEnd }> => {
  const { coded, end } = await collect(frames, exchange, given, one);
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
  given: RebuildGiven,
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
  given: RebuildGiven,
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

/**
 * Everything up to the end, within the memory that this exchange may take; nothing where that does not suffice and the origin
 * side has it still.
 */
const collect = async (
  frames: CodedFrames,
  exchange: OutgoingExchange,
  given: RebuildGiven,
  { pinned }: OnePiece,
): Promise<{ readonly coded: Buffer | undefined; readonly end: BodyEnd }> => {
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
const taken = async (bytes: number, { lease, whenRoom }: RebuildGiven, pinned: boolean): Promise<boolean> => {
  while (!lease.grow(bytes)) {
    if (pinned) return false;
    if (!(await whenRoom(bytes))) throw noMemory();
  }
  return true;
};

const joined = (pieces: readonly Buffer[]): Buffer =>
  pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces);
