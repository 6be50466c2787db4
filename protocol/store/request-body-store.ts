/**
 * What visitors sent, kept as bases of what they send next: bodies of requests by the place that they were sent to, on both
 * sides. Nothing here is ever a version of a page, nor the other way round. Bounded in bytes on resident size, like the
 * version store; live in memory only, and forgotten some minutes after the last use. SPEC section "Request bases".
 */
import { LRUCache } from "lru-cache";
import type { Clock, Timer } from "../runtime/clock.ts";
import type { SessionKey } from "../scope/credentials.ts";
import { ownBuffer } from "./compact-buffer.ts";
import { LastUses } from "./expiry-queue.ts";
import { type Fingerprint, type ShortFingerprint, shortOf } from "./fingerprint.ts";
import type { StoreId } from "./stored-version.ts";
import { hostName, hostOf, type Tenant } from "./tenant.ts";

/** Milliseconds after its last use when a body is forgotten. */
export const REQUEST_LIFETIME_MS = 600_000;
/** An edge names none this long unused: the origin side, where the last use may be longer ago, is to hold it still. */
export const NAMED_WITHIN_MS = 540_000;
/** From its end of life a body is not found; this long after at the latest it is gone from memory. */
export const SWEEP_MS = 10_000;
/**
 * Charged for each body beside its bytes and the characters of its place. Measured as resident size, 50,000 bodies of 10 bytes
 * at places of 163 characters: 1,150 where 8 share a place, 1,870 where each has one of its own.
 */
export const KEPT_BODY_BYTES = 1_700;

/** Where a body was sent, and of which session it is where that is known. */
export interface RequestPlace {
  readonly tenant: Tenant;
  readonly method: string;
  /** Byte for byte. */
  readonly target: string;
  /** At the edge: whose it is, and which store of the peer's holds it too. */
  readonly session?: SessionKey;
  readonly peerStore?: StoreId;
}

export interface KeptBody {
  readonly fingerprint: Fingerprint;
  readonly short: ShortFingerprint;
  readonly body: Buffer;
}

/** All bodies of one place, the one unused for longest first. */
interface PlaceBodies {
  readonly key: string;
  readonly tenant: Tenant;
  readonly target: string;
  readonly bodies: Map<ShortFingerprint, HeldBody>;
}

interface HeldBody extends KeptBody {
  readonly place: PlaceBodies;
}

export interface RequestBodiesGiven {
  readonly clock: Clock;
  /** Most bytes held. */
  readonly bytes: number;
  readonly lifetimeMs?: number;
  /** Most bodies of one place; one more takes the place of the one unused for longest. */
  readonly mostOfPlace?: number;
}

export class RequestBodies {
  readonly maxBytes: number;
  readonly #clock: Clock;
  readonly #lifetimeMs: number;
  readonly #mostOfPlace: number;
  readonly #places = new Map<string, PlaceBodies>();
  /** The value is the charge. */
  readonly #held: LRUCache<HeldBody, number>;
  readonly #lastUses = new LastUses<HeldBody>();
  #sweep: Timer | undefined;
  #forgets = 0;

  constructor({ clock, bytes, lifetimeMs, mostOfPlace }: RequestBodiesGiven) {
    this.maxBytes = bytes;
    this.#clock = clock;
    this.#lifetimeMs = lifetimeMs ?? REQUEST_LIFETIME_MS;
    this.#mostOfPlace = mostOfPlace ?? Number.POSITIVE_INFINITY;
    this.#held = new LRUCache<HeldBody, number>({
      maxSize: Math.max(1, bytes), // lru-cache takes 0 for no bound; what is larger than `bytes` is not kept
      ttl: this.#lifetimeMs,
      updateAgeOnGet: true,
      ttlResolution: 0, // else lru-cache sets timers of its own
      perf: { now: () => this.#clock.now() + 1 }, // to lru-cache, a start at 0 means no end
      dispose: (_, held) => this.#dropped(held),
    });
  }

  /** Bytes charged for all that is held. */
  get bytes(): number {
    return this.#held.calculatedSize;
  }

  get count(): number {
    return this.#held.size;
  }

  /** Changes whenever something is to be forgotten: what was under way then is not to be kept either. */
  get forgets(): number {
    return this.#forgets;
  }

  /** What is kept beside the bodies, for tests; all are zero when there is none. */
  get books(): { readonly places: number; readonly mortal: number } {
    return { places: this.#places.size, mortal: this.#lastUses.size };
  }

  /** Keeps a body, which must not change afterwards, or notes that it was sent again. */
  keep(place: RequestPlace, body: Buffer, fingerprint: Fingerprint): void {
    const key = keyOf(place);
    const charge = body.length + KEPT_BODY_BYTES + key.length;
    if (charge > this.maxBytes) return;
    const before = this.#places.get(key)?.bodies.get(shortOf(fingerprint));
    if (before?.fingerprint === fingerprint && this.#used(before)) return;
    // Past its end, or another one of equal short form: two that nobody could tell apart.
    if (before !== undefined) this.#held.delete(before);

    const bodies = this.#placeOf(key, place);
    const held = { fingerprint, short: shortOf(fingerprint), body: ownBuffer(body), place: bodies };
    bodies.bodies.set(held.short, held);
    this.#lastUses.used(held, this.#lifetimeMs);
    this.#held.set(held, charge, { size: charge });
    for (const oldest of bodies.bodies.values()) {
      if (bodies.bodies.size <= this.#mostOfPlace) break;
      this.#held.delete(oldest);
    }
    this.#keepSweeping();
  }

  /** What is held of a place, the last used last. Does not count as a use. */
  listed(place: RequestPlace): readonly KeptBody[] {
    const bodies = this.#places.get(keyOf(place))?.bodies.values() ?? [];
    return [...bodies].filter((held) => this.#held.has(held));
  }

  /** The body of a place that a short fingerprint names; counts as a use. */
  named(place: RequestPlace, short: ShortFingerprint): KeptBody | undefined {
    const held = this.#places.get(keyOf(place))?.bodies.get(short);
    return held !== undefined && this.#used(held) ? held : undefined;
  }

  /** Gives up a body that did no good as a base. */
  drop(place: RequestPlace, { short }: KeptBody): void {
    const held = this.#places.get(keyOf(place))?.bodies.get(short);
    if (held !== undefined) this.#held.delete(held);
  }

  /** Erases what is held of a tenant or of a host (under every key), or of one URL of it. Returns how many bodies. */
  forget(what: { readonly tenant: Tenant } | { readonly host: string }, url?: string): number {
    this.#forgets++;
    const host = "host" in what ? hostName(what.host) : undefined;
    const concerned = [...this.#places.values()].filter(
      ({ tenant, target }) =>
        ("tenant" in what ? tenant === what.tenant : hostOf(tenant) === host) &&
        (url === undefined || target === url),
    );
    const bodies = concerned.flatMap((place) => [...place.bodies.values()]);
    return bodies.filter((held) => this.#held.delete(held)).length;
  }

  /** Stops the sweep and forgets everything. */
  close(): void {
    this.#held.clear();
    this.#sweep?.cancel();
    this.#sweep = undefined;
  }

  #placeOf(key: string, { tenant, target }: RequestPlace): PlaceBodies {
    const place = this.#places.get(key) ?? { key, tenant, target, bodies: new Map() };
    this.#places.set(key, place);
    return place;
  }

  /** Puts off its end; false for one that is past it. */
  #used(held: HeldBody): boolean {
    if (this.#held.get(held) === undefined) return false;
    this.#lastUses.used(held, this.#lifetimeMs);
    const { bodies } = held.place;
    bodies.delete(held.short);
    bodies.set(held.short, held);
    return true;
  }

  /** lru-cache let go of it: every book forgets it. */
  #dropped(held: HeldBody): void {
    this.#lastUses.gone(held, this.#lifetimeMs);
    const { key, bodies } = held.place;
    bodies.delete(held.short);
    if (bodies.size === 0) this.#places.delete(key);
  }

  /** One timer for all, while there is something. */
  #keepSweeping(): void {
    this.#sweep ??= this.#clock.after(SWEEP_MS, () => {
      this.#sweep = undefined;
      for (const held of this.#lastUses.ended((other) => !this.#held.has(other))) this.#held.delete(held);
      if (this.#held.size > 0) this.#keepSweeping();
    });
  }
}

/** Each with its length before it, but the method, which has no space, and the last: no two places read the same. */
const keyOf = ({ tenant, session, peerStore, method, target }: RequestPlace): string =>
  `${sized(tenant)}${sized(session)}${sized(peerStore)}${method} ${target}`;

const sized = (text: string = ""): string => `${text.length} ${text}`;
