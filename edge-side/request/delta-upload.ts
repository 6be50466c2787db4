/**
 * A request's body that both sides keep, on its way out: it leaves coded on one that its session sent before, and is held here
 * until the origin side has rebuilt it, which the first head of the answer says. Where that cannot rebuild it, it leaves once
 * more without a base, on the same stream, before the web server has heard of the request. SPEC section "Request bases".
 */

import { DIGEST_BYTES } from "../../protocol/frames/frame.ts";
import { requestCodingExtension } from "../../protocol/frames/request-coding.ts";
import type { HeaderList } from "../../protocol/http/header-list.ts";
import type { Clock, Timer } from "../../protocol/runtime/clock.ts";
import type { Lease } from "../../protocol/runtime/memory-budget.ts";
import { type Fingerprint, fingerprintOf } from "../../protocol/store/fingerprint.ts";
import type { KeptBody } from "../../protocol/store/request-body-store.ts";
import { type OutgoingExchange, unasked } from "../exchange/outgoing-exchange.ts";
import { encodeAlone, encodeOnBase } from "./encode-delta.ts";
import type { BodyPlace } from "./request-dictionaries.ts";

/** A body is held so long for the origin side to ask for it; then that can only end the exchange. */
export const HOLD_MS = 30_000;

export interface KeptUploadGiven {
  readonly clock: Clock;
  readonly place: BodyPlace;
  /** The memory that the body takes while it is held; released here. */
  readonly lease: Lease;
}

/** Opens the exchange with the whole of `body`, which must not change afterwards. Never rejects. */
export const sendKept = async (
  exchange: OutgoingExchange,
  { body, trailers }: { readonly body: Buffer; readonly trailers: HeaderList },
  given: KeptUploadGiven,
): Promise<void> => {
  const held = new HeldUpload(exchange, body, trailers, given);
  try {
    await held.send();
  } catch {
    exchange.cancel("internal");
  }
};

class HeldUpload {
  readonly #exchange: OutgoingExchange;
  readonly #given: KeptUploadGiven;
  readonly #trailers: HeaderList;
  readonly #patience: Timer;
  readonly #fingerprint: Fingerprint;
  /** Undefined once it is not held any more. */
  #body: Buffer | undefined;

  constructor(exchange: OutgoingExchange, body: Buffer, trailers: HeaderList, given: KeptUploadGiven) {
    this.#exchange = exchange;
    this.#given = given;
    this.#body = body;
    this.#fingerprint = fingerprintOf(body);
    this.#trailers = trailers;
    this.#patience = given.clock.after(HOLD_MS, () => this.#letGo());
    exchange.headHeard = () => this.#accepted();
    exchange.over = () => this.#letGo();
  }

  async send(): Promise<void> {
    const [body, { place }] = [this.#body, this.#given];
    if (body === undefined) return;
    const { codec, base, bytes } = await encodeOnBase(body, place.listed());
    const result = this.#fingerprint.slice(0, DIGEST_BYTES);
    const { length: size } = body;
    const coding = requestCodingExtension({ kind: "kept", codec, size, result, base: base?.short });
    if (base !== undefined) {
      place.used(base);
      this.#exchange.bodyAsked = () => this.#again(base);
    }
    this.#exchange.begin({ extensions: [coding], body: bytes });
    this.#exchange.endBody("complete", this.#trailers);
  }

  #again(base: KeptBody): void {
    const [exchange, body] = [this.#exchange, this.#body];
    exchange.bodyAsked = unasked;
    exchange.baseMissed = true;
    this.#given.place.drop(base);
    if (body === undefined) return exchange.cancel("unproved");
    exchange.sendAgain(encodeAlone(body).bytes, this.#trailers);
  }

  /** What was given to the web server is not asked for again. */
  #accepted(): void {
    this.#exchange.bodyAsked = unasked;
    if (this.#body !== undefined) this.#given.place.keep(this.#body, this.#fingerprint);
    this.#letGo();
  }

  #letGo(): void {
    this.#body = undefined;
    this.#patience.cancel();
    this.#given.lease.release();
  }
}
