/**
 * A visitor's body on its way to the web server, no faster than it is taken there. A body that was given up, or is not as
 * long as its head says, ends its connection in the middle, so it can never look complete (RFC 9112 section 8).
 */
import type { HeaderList } from "../http/header-list.ts";
import { LATE } from "../runtime/async-queue.ts";
import type { Clock } from "../runtime/clock.ts";
import { drained } from "../runtime/drained.ts";
import { PieceMerger } from "../runtime/piece-merger.ts";
import type { BodyEnd, RequestBody } from "./body.ts";
import type { Outgoing } from "./exchange-phase.ts";
import { assertFields } from "./framing.ts";
import { RequestFault } from "./upstream-failure.ts";

/** Told as the body goes out. */
export interface BodyProgress {
  /** More of the body has to come. */
  waiting(): void;
  /** It has come. */
  came(): void;
  /** A piece has left. */
  sent(): void;
}

/**
 * Resolves when the body has been handed over, or will never be. Rejects with what `body` rejects with. `bodyBytes`: as its
 * head says; undefined: it is chunked.
 */
export const sendBody = async (
  outgoing: Outgoing,
  body: RequestBody,
  bodyBytes: number | undefined,
  progress: BodyProgress,
): Promise<void> => {
  for (let bytes = 0; ; ) {
    progress.waiting();
    const next = await body.next();
    progress.came();
    if (outgoing.destroyed) return;
    if (!(next instanceof Uint8Array)) {
      if (next.how === "complete" && bytes === (bodyBytes ?? bytes)) return finish(outgoing, next.trailers);
      outgoing.destroy(new RequestFault("the visitor's body was given up"));
      return;
    }
    bytes += next.length;
    if (bytes > (bodyBytes ?? bytes)) {
      outgoing.destroy(new RequestFault("the visitor's body is longer than its Content-Length"));
      return;
    }
    if (!outgoing.write(next)) await drained(outgoing);
    body.taken(next.length);
    progress.sent();
  }
};

/** Only a chunked body can have trailers; those of another are left out (RFC 9110 section 6.5). */
const finish = (outgoing: Outgoing, trailers: HeaderList): void => {
  if (trailers.length > 0 && outgoing.chunkedEncoding) {
    assertFields(trailers);
    outgoing.addTrailers(trailers);
  }
  outgoing.end();
};

/** A request takes a place at its web server when this much of its body is here, or all of it. */
const BODY_START_BYTES = 64 * 1024;

/** How long the start of a body is waited for; milliseconds on the clock. */
export interface StartWait {
  readonly clock: Clock;
  /** For the next piece, and in all. Infinity: as long as it takes. */
  readonly pieceMs: number;
  readonly totalMs: number;
  readonly signal: AbortSignal;
}

/** A body whose start is here. */
export interface StartedBody {
  /** The same body, from its beginning. */
  readonly body: RequestBody;
  /** Its length, where all of it is here and no trailers follow; undefined: nobody knows it yet. */
  readonly wholeBytes: number | undefined;
}

/**
 * Resolves with the same body when its start is here, or all of it, or the time is over. What is held is not given back to its
 * sender's window before the web server takes it, so it takes no more memory than the window allows. Rejects with what `body`
 * rejects with, or with the signal's reason.
 */
export const startOf = async (
  body: RequestBody,
  bodyBytes: number | undefined,
  wait: StartWait,
): Promise<StartedBody> => {
  const startBytes = Math.min(BODY_START_BYTES, bodyBytes ?? Infinity);
  const { clock, pieceMs, totalMs, signal } = wait;
  const until = clock.now() + totalMs;
  const merger = new PieceMerger();
  const pieces: Uint8Array[] = [];
  for (let bytes = 0; bytes < startBytes; ) {
    signal.throwIfAborted();
    const coming = body.next();
    const next = await inTime(coming, wait, Math.min(pieceMs, until - clock.now()));
    if (next === LATE) return { body: new BodyFromStart(body, pieces, coming), wholeBytes: undefined };
    if (!(next instanceof Uint8Array)) {
      const isWhole = next.how === "complete" && next.trailers.length === 0;
      return { body: new BodyFromStart(body, pieces, next), wholeBytes: isWhole ? bytes : undefined };
    }
    const last = pieces.at(-1);
    const merged = last && merger.merged(last, next);
    if (merged === undefined) pieces.push(next);
    else pieces[pieces.length - 1] = merged;
    bytes += next.length;
  }
  return { body: new BodyFromStart(body, pieces, undefined), wholeBytes: undefined };
};

/** Rejects with what `coming` rejects with; behind LATE, who asks for the body hears of that. */
const inTime = <Next>(
  coming: Promise<Next>,
  { clock, signal }: StartWait,
  ms: number,
): Promise<Next | typeof LATE> => {
  const { promise, resolve, reject } = Promise.withResolvers<Next | typeof LATE>();
  const leave = () => reject(signal.reason);
  const timer = ms === Infinity ? undefined : clock.after(ms, () => resolve(LATE));
  signal.addEventListener("abort", leave, { once: true });
  coming.then(resolve, reject);
  return promise.finally(() => {
    timer?.cancel();
    signal.removeEventListener("abort", leave);
  });
};

class BodyFromStart implements RequestBody {
  readonly #body: RequestBody;
  #start: Uint8Array | undefined;
  /** What was asked for and comes next; an end comes again and again. */
  #coming: Promise<Uint8Array | BodyEnd> | BodyEnd | undefined;

  constructor(
    body: RequestBody,
    pieces: readonly Uint8Array[],
    coming: Promise<Uint8Array | BodyEnd> | BodyEnd | undefined,
  ) {
    this.#body = body;
    if (pieces.length > 0) this.#start = pieces.length === 1 ? pieces[0] : Buffer.concat(pieces);
    this.#coming = coming;
  }

  async next(): Promise<Uint8Array | BodyEnd> {
    const start = this.#start;
    this.#start = undefined;
    if (start !== undefined) return start;
    const coming = this.#coming;
    if (coming instanceof Promise) this.#coming = undefined;
    return coming ?? this.#body.next();
  }

  taken(bytes: number): void {
    this.#body.taken(bytes);
  }
}

/** Most that is kept of one. */
const MOST_KEPT_BYTES = 16 * 1024;

/**
 * A body that can be sent again as long as little of it was read: for a web server that cannot be reached, or refuses a request of HTTP/2
 * unprocessed. What is kept is not given back to its sender's window before, so it takes no more memory than the window allows.
 */
export class RepeatableBody implements RequestBody {
  readonly #body: RequestBody;
  /** Undefined: too much was read. */
  #kept: (Uint8Array | BodyEnd)[] | undefined = [];
  readonly #mostKeptBytes: number;
  #keptBytes = 0;
  /** Of what is kept: to be read again. */
  #again: (Uint8Array | BodyEnd)[] = [];
  #takenBytes = 0;
  /** A piece that is waited for; who sends the body again waits for the same one. */
  #coming: Promise<Uint8Array | BodyEnd> | undefined;

  constructor(body: RequestBody, mostKeptBytes = MOST_KEPT_BYTES) {
    this.#body = body;
    this.#mostKeptBytes = mostKeptBytes;
  }

  async next(): Promise<Uint8Array | BodyEnd> {
    const again = this.#again.shift();
    if (again !== undefined) return again;
    this.#coming ??= this.#body.next();
    const coming = this.#coming;
    const next = await coming;
    if (coming === this.#coming) {
      this.#coming = undefined;
      this.#keep(next);
    }
    return next;
  }

  taken(bytes: number): void {
    if (this.#kept === undefined) this.#body.taken(bytes);
    else this.#takenBytes += bytes;
  }

  /** From its beginning, once more; false where that is gone. */
  rewind(): boolean {
    if (this.#kept === undefined) return false;
    this.#again = [...this.#kept];
    this.#takenBytes = 0;
    return true;
  }

  /** It will not be sent again. */
  keepNone(): void {
    if (this.#kept === undefined) return;
    this.#kept = undefined;
    this.#body.taken(this.#takenBytes);
  }

  #keep(next: Uint8Array | BodyEnd): void {
    if (this.#kept === undefined) return;
    this.#kept.push(next);
    if (next instanceof Uint8Array) this.#keptBytes += next.length;
    if (this.#keptBytes > this.#mostKeptBytes) this.keepNone();
  }
}
