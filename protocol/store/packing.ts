/**
 * Which bodies a store holds as they are: those in use, within a part of its bytes. The others are packed, a few at a time and never
 * while a request waits for it, and unpacked when they are read. Versions of one URL and audience are packed on one of them,
 * their *key version*, so nothing of a session is in what is kept of another one; whatever ends a key version, nothing stays
 * packed on it. SPEC section "Version store".
 */
import type { Clock, Timer } from "../runtime/clock.ts";
import { TurnoverMap } from "../runtime/turnover.ts";
import { LEAST_PACKED_BYTES, MOST_PACKED_BYTES, pack } from "./pack.ts";
import type { Shares } from "./shares.ts";
import type { HeldVersion } from "./stored-version.ts";

/** Bodies that were not used for so long are packed. @internal */
export const COOL_MS = 5_000;
/**
 * Of the store's bytes, for bodies that are held as they are though they could be packed; beyond, those unused longest
 * are packed at once.
 */
const MOST_WARM = 1 / 8;
/** Some 4 % of one core at most: 2 ms of every 50. @internal */
export const TURN_MS = 50;
const TURN_BYTES = 512 * 1024;
/** A use costs nothing until then; these take a quarter of a millisecond. @internal */
export const MOST_REFILED = 1_000;
/** What a call costs, as bytes. */
const CALL_BYTES = 10_000;
/** Those that are packed on one version are unpacked when it ends. */
const MOST_DEPENDENTS = 16;

export interface PackingOptions {
  readonly clock: Clock;
  /** Of the whole store. */
  readonly maxBytes: number;
  readonly shares: Pick<Shares, "recharge">;
}

export class Packing {
  readonly #options: PackingOptions;
  /** Those that may be packed, in the order of their last use when they were filed here: a use alone files nothing. */
  readonly #warm = new TurnoverMap<number, HeldVersion>();
  #warmBytes = 0;
  #timer: Timer | undefined;
  /** The timer does not wait for one to cool. */
  #isSoon = false;
  #isPacking = false;

  constructor(options: PackingOptions) {
    this.#options = options;
  }

  /** They were made, or used. */
  used(versions: readonly (HeldVersion | undefined)[]): void {
    for (const version of versions) if (version !== undefined) this.#used(version);
    this.#keepPacking();
  }

  #used(version: HeldVersion): void {
    const { bytes } = version;
    if (version.raw === undefined || version.staysRaw || bytes < LEAST_PACKED_BYTES) return;
    if (bytes > MOST_PACKED_BYTES) return;
    version.usedAt = this.#options.clock.now();
    if (version.warmSince !== undefined) return;
    this.#warmBytes += bytes;
    this.#file(version);
  }

  #file(version: HeldVersion): void {
    version.warmSince = version.usedAt;
    this.#warm.set(version.serial, version);
  }

  /** Its body was read, and is held as it is. */
  warmed(version: HeldVersion): void {
    if (!version.isHeld) return;
    this.#used(version);
    this.#keepPacking();
    this.#options.shares.recharge(version);
  }

  /** It is held no more. One that gave way to others takes with it what is packed on it; else those are unpacked. */
  gone(version: HeldVersion, evicted: boolean): void {
    this.#leave(version);
    version.packed?.on?.dependents?.delete(version);
    const dependents = [...(version.dependents ?? [])];
    version.dependents = undefined;
    for (const each of dependents)
      if (evicted) each.letGo();
      else if (each.isHeld && each.body.length > 0) {
        each.packed = undefined;
        this.warmed(each);
      }
  }

  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #leave(version: HeldVersion): void {
    if (!this.#warm.delete(version.serial)) return;
    version.warmSince = undefined;
    this.#warmBytes -= version.bytes;
  }

  /**
   * The longest unused, once those before it that were used since they were filed are filed anew; undefined: too many
   * to go through now.
   */
  #oldest(): HeldVersion | undefined {
    let refiled = 0;
    for (const version of this.#warm.values()) {
      if (version.warmSince === version.usedAt) return version;
      if (++refiled > MOST_REFILED) return undefined;
      this.#warm.delete(version.serial);
      this.#file(version);
    }
    return undefined;
  }

  #keepPacking(): void {
    const soon = this.#isCrowded;
    if (this.#isPacking || (this.#timer !== undefined && (this.#isSoon || !soon))) return;
    const [first] = this.#warm.values();
    if (first?.warmSince === undefined) return;
    const { clock } = this.#options;
    const wait = soon ? TURN_MS : Math.max(TURN_MS, first.warmSince + COOL_MS - clock.now());
    this.#timer?.cancel();
    this.#isSoon = soon;
    this.#timer = clock.after(wait, () => {
      this.#timer = undefined;
      void this.#turn();
    });
  }

  get #isCrowded(): boolean {
    return this.#warmBytes > this.#options.maxBytes * MOST_WARM;
  }

  async #turn(): Promise<void> {
    this.#isPacking = true;
    for (let bytes = 0; bytes < TURN_BYTES; ) {
      const version = this.#cooled();
      if (version === undefined) break;
      bytes += version.bytes + CALL_BYTES;
      await this.#cool(version);
    }
    this.#isPacking = false;
    this.#keepPacking();
  }

  #cooled(): HeldVersion | undefined {
    const oldest = this.#oldest();
    if (oldest === undefined) return undefined;
    return this.#isCrowded || oldest.usedAt + COOL_MS <= this.#options.clock.now() ? oldest : undefined;
  }

  async #cool(version: HeldVersion): Promise<void> {
    const { usedAt, raw } = version;
    // What no list names is found for some seconds only.
    if (raw === undefined || version.places.length === 0) return this.#leave(version);
    if (version.packed === undefined) {
      const on = keyVersionFor(version);
      const coded = await pack(raw, on?.body);
      if (version.warmSince === undefined) return; // gone meanwhile
      if (on !== undefined && !on.isHeld) return; // again, on another one
      version.staysRaw = coded === undefined;
      if (coded === undefined) return this.#leave(version);
      version.packed = { coded, on };
      if (on !== undefined) {
        on.dependents ??= new Set();
        on.dependents.add(version);
      }
    }
    if (version.usedAt === usedAt) {
      version.raw = undefined;
      this.#leave(version);
    }
    this.#options.shares.recharge(version);
  }
}

/** Which version of the same URL, for the same audience, a version is packed on; undefined: on none. */
const keyVersionFor = (version: HeldVersion): HeldVersion | undefined => {
  if (version.dependents?.size) return undefined;
  const place = version.places.at(-1);
  const known = place?.lists.find(({ key }) => key === place.url)?.places ?? [];
  const key = (known.find((other) => isKeyVersion(other.version)) ?? known.at(-1))?.version;
  const fits = key !== undefined && key !== version && key.isHeld && !key.packed?.on;
  if (!fits || (key.dependents?.size ?? 0) >= MOST_DEPENDENTS) return undefined;
  return key.bytes >= LEAST_PACKED_BYTES && key.bytes <= MOST_PACKED_BYTES ? key : undefined;
};

const isKeyVersion = ({ packed, dependents }: HeldVersion): boolean =>
  (packed !== undefined && packed.on === undefined) || (dependents?.size ?? 0) > 0;
