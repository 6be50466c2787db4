/**
 * A request's body that both sides keep: rebuilt on one that came before, proved and kept, all before the web server hears of
 * the request. What cannot be rebuilt is asked for once more, without a base, on the same stream; what does not prove then
 * is damage, and ends the exchange. SPEC section "Request bases".
 */
import { type DecodeLimits, DeltaError } from "../../protocol/codec/codec.ts";
import { spliceCodec } from "../../protocol/codec/splice.ts";
import { zstdCodec } from "../../protocol/codec/zstd.ts";
import type { Log } from "../../protocol/daemon/log.ts";
import { StreamError } from "../../protocol/errors.ts";
import { type KeptCoding, REQUEST_CODEC } from "../../protocol/frames/request-coding.ts";
import { fieldOf } from "../../protocol/http/head.ts";
import type { Clock } from "../../protocol/runtime/clock.ts";
import { fingerprintOf } from "../../protocol/store/fingerprint.ts";
import type { KeptBody, RequestBodies, RequestPlace } from "../../protocol/store/request-body-store.ts";
import { hostOf, tenantOf } from "../../protocol/store/tenant.ts";
import type { BodyEnd, RequestBody } from "../../protocol/upstream/body.ts";
import type { CodedBody } from "../exchange/coded-body.ts";
import type { IncomingExchange } from "../exchange/incoming-exchange.ts";
import type { HeldBody } from "./decode-body.ts";

/** From its head a body may take so long to be here and proved, if need be the second time. */
export const PROOF_MS = 30_000;

export interface RebuildRequestGiven {
  readonly keyId: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly bodies: RequestBodies;
}

/** Rejects with StreamError; nothing has gone to the web server then. */
export const rebuildRequest = async (
  exchange: IncomingExchange,
  coding: KeptCoding,
  given: RebuildRequestGiven,
): Promise<HeldBody> => {
  const { clock, bodies } = given;
  const place = placeOf(exchange, given.keyId);
  const late = clock.after(PROOF_MS, () => exchange.fail("unproved"));
  try {
    const coded = exchange.codedBody();
    let { bytes, end } = await arrived(coded, coding.size);
    let body = await rebuilt(coding, bytes, place, given);
    const baseMissed = body === undefined;
    if (body === undefined) {
      if (coding.base === undefined) throw unproved("it does not prove");
      exchange.askBody();
      ({ bytes, end } = await arrived(coded, coding.size));
      body = await decoded(codecOfAgain(coding, bytes), bytes, undefined, coding);
    }
    if (body === undefined) throw unproved("it does not prove, sent once more without a base");
    bodies.keep(place, body, fingerprintOf(body));
    return { body: new WholeBody(body, end), close() {}, baseMissed };
  } finally {
    late.cancel();
  }
};

const placeOf = ({ request }: IncomingExchange, keyId: string): RequestPlace => {
  const { method, target, fields } = request;
  return { tenant: tenantOf({ keyId, host: fieldOf(fields, "host") ?? "" }), method, target };
};

const unproved = (why: string): StreamError =>
  new StreamError("unproved", `the request's body cannot be rebuilt: ${why}`);

/** All of it up to its end, which is a complete one. Throws StreamError. */
const arrived = async (
  coded: CodedBody,
  mostBytes: number,
): Promise<{ readonly bytes: Buffer; readonly end: BodyEnd }> => {
  const pieces: Uint8Array[] = [];
  for (let bytes = 0; ; ) {
    const next = await coded.next();
    if (next instanceof Uint8Array) {
      coded.taken(next.length);
      bytes += next.length;
      if (bytes > mostBytes) throw unproved("it is longer coded than plain");
      pieces.push(next);
    } else if ("proof" in next) throw unproved("a segment in one piece");
    else if (next.how === "closed") throw new StreamError("cancelled", "the visitor gave its body up");
    else return { bytes: Buffer.concat(pieces), end: next };
  }
};

/** Undefined for a doubt: the base is not held here, or what it gives does not prove. */
const rebuilt = async (
  coding: KeptCoding,
  bytes: Buffer,
  place: RequestPlace,
  { bodies, log }: RebuildRequestGiven,
): Promise<Buffer | undefined> => {
  if (coding.base === undefined) return decoded(coding.codec, bytes, undefined, coding);
  const base = bodies.named(place, coding.base);
  if (base === undefined) return undefined;
  const body = await decoded(coding.codec, bytes, base, coding);
  if (body === undefined) {
    const { tenant, method, target } = place;
    log.warn("request did not prove on its base", { host: hostOf(tenant), method, target });
    bodies.drop(place, base);
  }
  return body;
};

/** What comes once more is as it is where it has all the bytes, and compressed where it has fewer. */
const codecOfAgain = ({ size }: KeptCoding, { length }: Buffer): KeptCoding["codec"] =>
  length === size ? REQUEST_CODEC.asItIs : REQUEST_CODEC.zstd;

/** Undefined for what does not prove. */
const decoded = async (
  codec: KeptCoding["codec"],
  bytes: Buffer,
  base: KeptBody | undefined,
  { size, result }: KeptCoding,
): Promise<Buffer | undefined> => {
  try {
    const body = await bodyOf(codec, bytes, base === undefined ? [] : [base.body], { pageBytes: size });
    return body.length === size && fingerprintOf(body).startsWith(result) ? body : undefined;
  } catch (error) {
    if (error instanceof DeltaError) return undefined;
    throw error;
  }
};

const bodyOf = async (
  codec: KeptCoding["codec"],
  bytes: Buffer,
  bases: readonly Buffer[],
  limits: DecodeLimits,
): Promise<Buffer> => {
  if (codec === REQUEST_CODEC.asItIs) return bytes;
  return (codec === REQUEST_CODEC.splice ? spliceCodec : zstdCodec).decode(bases, bytes, limits);
};

/** A body that is all here. */
class WholeBody implements RequestBody {
  #body: Buffer | undefined;
  readonly #end: BodyEnd;

  constructor(body: Buffer, end: BodyEnd) {
    this.#body = body;
    this.#end = end;
  }

  async next(): Promise<Uint8Array | BodyEnd> {
    const body = this.#body;
    this.#body = undefined;
    return body ?? this.#end;
  }

  /** Credit went back as the coded bytes came. */
  taken(): void {}
}
