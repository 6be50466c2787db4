/**
 * Whether a web server may be given, on a connection that it has served before, a request that must not be repeated.
 * Many that keep connections close them a moment later without having said so, serve one request on each, or send the
 * rest of a body that was longer than its head said: a request that may be repeated is asked again on a new connection,
 * but of another one nobody knows whether it was processed. So connections prove themselves with the former first, and
 * a web server that broke its word has to do it for longer.
 */
import type { Clock } from "../../runtime/clock.ts";

/** Requests that may be repeated, answered on connections older than PROVEN_AGE_MS. @internal */
export const LEAST_PROOFS = 2;
const MOST_PROOFS = 1_024;
const MORE_PROOFS = 4;
/** What stays open may still carry one request only: it says less than an answer. A power of two, so that sums are exact. @internal */
export const STAYS_IN_A_PROOF = 4;
/** What comes late comes within this time as a rule. */
export const PROVEN_AGE_MS = 250;
/** What came for nobody would be another visitor's answer: for so long no connection is used again. @internal */
export const BARRED_MS = 600_000;

export class ReuseTrust {
  readonly #clock: Clock;
  #needed = LEAST_PROOFS;
  #proofs = 0;
  #learnsFrom = -Infinity;
  #barredUntil = -Infinity;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether a request that must not be repeated may go out on a connection that rested. */
  get isEarned(): boolean {
    return this.#proofs >= this.#needed && !this.isBarred;
  }

  /** Whether no connection at all is to be used again. */
  get isBarred(): boolean {
    return this.#clock.now() < this.#barredUntil;
  }

  /** Whether connections that stay open while they rest say anything: not of a web server that closed one at its next request lately. */
  get learnsFromRest(): boolean {
    return this.#clock.now() >= this.#learnsFrom;
  }

  /** A connection older than PROVEN_AGE_MS has answered once more. */
  proven(): void {
    this.#proofs++;
  }

  /** A connection has stayed open for as long as it would be used again, and longer. */
  stayed(): void {
    if (this.learnsFromRest) this.#proofs += 1 / STAYS_IN_A_PROOF;
  }

  /** A connection that was open at rest broke when it was used again: the web server serves one request on each, or was started anew. */
  brokeInUse(): void {
    this.#learnsFrom = this.#clock.now() + BARRED_MS;
  }

  /** The web server has closed a connection a moment after a response, without having said so. */
  broken(): void {
    this.#proofs = 0;
    this.#needed = Math.min(this.#needed * MORE_PROOFS, MOST_PROOFS);
  }

  /** Something came that belongs to no request. Returns whether it is the first time for long. */
  spoilt(): boolean {
    const isNew = !this.isBarred;
    this.broken();
    this.#barredUntil = this.#clock.now() + BARRED_MS;
    return isNew;
  }
}
