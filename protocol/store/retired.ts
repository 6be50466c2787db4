/**
 * Versions that no list names any more, the longest so first. Requests that are on their way may offer them still,
 * until the peer knows what took their places; its acknowledgement of that answer says so. Until then they are kept
 * within a part of the store, and then within a small one: a version that outlives two scavenges is collected with the
 * whole heap only, and under load each page is one of these soon. SPEC section "Version store".
 */
import { TurnoverMap } from "../runtime/turnover.ts";
import type { HeldVersion } from "./stored-version.ts";

/**
 * Of the store, whatever the peer has said. At 2,500 versions of 11 KB a second all of the default store would be
 * theirs in 8 s; this part lasts for half of one.
 */
const MOST = 1 / 16;
/** Of the store, and how many, of those that one peer offers no more: another one may, which shares the load. */
const MOST_SETTLED = 1 / 128;
const FEWEST_SETTLED = 32;

export class Retired {
  readonly #maxBytes: number;
  readonly #versions = new TurnoverMap<number, HeldVersion>();
  #bytes = 0;
  /** Stands for all that are retired by now. Written here alone. */
  mark = 0;
  #settled = 0;

  /** `maxBytes`: of the whole store. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** A peer offers none of those any more that were retired by `mark`. */
  settle(mark: number): void {
    if (mark <= this.#settled) return;
    this.#settled = mark;
    this.makeRoom();
  }

  /** A version takes so many bytes now: 0 when it is gone. */
  charge(version: HeldVersion, bytes: number): void {
    const retiredBytes = version.places.length === 0 ? bytes : 0;
    const before = version.retired;
    if (retiredBytes === 0 && before === undefined) return;
    this.#bytes += retiredBytes - (before?.bytes ?? 0);
    const number = before?.number ?? ++this.mark;
    version.retired = retiredBytes === 0 ? undefined : { number, bytes: retiredBytes };
    if (before === undefined) this.#versions.set(number, version);
    else if (retiredBytes === 0) this.#versions.delete(number);
  }

  /** Lets go of those that are too many. */
  makeRoom(): void {
    if (this.#bytes <= this.#maxBytes * MOST_SETTLED) return;
    for (const [number, version] of this.#versions) {
      if (!this.#isTooMany(number)) break;
      version.letGo();
    }
  }

  #isTooMany(number: number): boolean {
    if (this.#bytes > this.#maxBytes * MOST) return true;
    const isSettled = number <= this.#settled && this.#versions.size > FEWEST_SETTLED;
    return isSettled && this.#bytes > this.#maxBytes * MOST_SETTLED;
  }
}
