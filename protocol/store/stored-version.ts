/**
 * A version as a store holds it, and the versions of one partition: by short fingerprint and by page. Both only keep
 * books; what is held and for how long is the store's decision.
 */
import type { LRUCache } from "lru-cache";
import { TurnoverMap } from "../runtime/turnover.ts";
import type { SessionKey } from "../scope/credentials.ts";
import { Evidence } from "../scope/public-evidence.ts";
import type { Retention, SessionScope } from "../scope/scope.ts";
import type { Fingerprint, ShortFingerprint } from "./fingerprint.ts";
import { shortOf } from "./fingerprint.ts";
import { unpack } from "./pack.ts";
import { type Audience, PageIndex, type Place, type ScopeKey } from "./page-index.ts";
import type { Partition } from "./partition.ts";

/** Names one run of a peer's version store: 16 random bytes as latin1. */
export type StoreId = string & { readonly __brand: "StoreId" };

/**
 * One body and its name. Whoever holds this object holds the body, also after the store forgot it: an offered version
 * stays usable until its exchange ends by being referred to, and needs no other pin.
 */
export interface Version {
  readonly fingerprint: Fingerprint;
  readonly short: ShortFingerprint;
  /** Empty where what memory held of it turned out to be damaged: no codec takes an empty base, so the page comes whole. */
  readonly body: Buffer;
  /** The peers' stores that are known to hold it too. */
  readonly stores: readonly StoreId[];
}

/** Peers' stores remembered per version; the oldest gives way. */
export const MOST_STORES = 8;

/** Pages one version may be found as: an error page that is alike on a million URLs must not grow by each. @internal */
export const MOST_PLACES = 16;

/** The stricter keeps a version for less long. */
const STRICTNESS: Record<Retention, number> = { keep: 0, session: 1, "no-store": 2 };

/** A body as `pack` made it. */
interface PackedBody {
  readonly coded: Buffer;
  /** On whose body; undefined: on none. It is referred to for as long as it is needed, held or not. */
  readonly on: HeldVersion | undefined;
}

/** What was put of a version into the tiers below memory last. */
export interface PutBelow {
  readonly at: number;
  readonly scopeKey: ScopeKey;
  readonly url: string;
  readonly retention: Retention;
  readonly stores: readonly StoreId[];
  /** It is in memory alone. */
  readonly stays: boolean;
}

const NO_BYTES = Buffer.alloc(0);

let lastSerial = 0;

export class HeldVersion implements Version {
  /** Its key in maps: one of objects would keep all that were ever in it until the whole heap is collected (see TurnoverMap). */
  readonly serial = ++lastSerial;
  readonly fingerprint: Fingerprint;
  readonly short: ShortFingerprint;
  /** Of its body. */
  readonly bytes: number;
  /** As it is, and packed: one of them at least. */
  raw: Buffer | undefined;
  packed: PackedBody | undefined;
  /** Held versions that are packed on this one. */
  dependents: Set<HeldVersion> | undefined;
  /** Packing it gains nothing. */
  staysRaw = false;
  /** When it was used last, while it is held as it is. */
  usedAt = 0;
  /** Its last use when it was filed among those that may be packed; undefined: it is not among them. */
  warmSince: number | undefined;
  readonly owner: PartitionVersions;
  stores: readonly StoreId[] = [];
  places: Place<HeldVersion>[] = [];
  retention: Retention = "keep";
  isPublic = false;
  evidence: Evidence | undefined;
  /** The body in content codings, kept because it is sent again and again. */
  copies: Map<string, Buffer> | undefined;
  /** The URL it was seen at last, also after no list names it. */
  lastUrl = "";
  /** The tiered store's. A field, because a WeakMap of versions that come with every request is dear to collect. */
  putBelow: PutBelow | undefined;
  /** Bytes it is accounted with, and milliseconds it lives after a use (0: without end), at present. */
  accountedBytes = 0;
  lifetimeMs = 0;
  /** Where no list names it: since which retirement, and the bytes it was accounted with last. */
  retired: { readonly number: number; readonly bytes: number } | undefined;

  constructor(owner: PartitionVersions, fingerprint: Fingerprint, body: Buffer) {
    this.owner = owner;
    this.fingerprint = fingerprint;
    this.short = shortOf(fingerprint);
    this.raw = body;
    this.bytes = body.length;
  }

  get body(): Buffer {
    if (this.raw !== undefined) return this.raw;
    const { coded = NO_BYTES, on } = this.packed ?? {};
    this.raw = unpack(coded, on?.body, this.bytes);
    if (this.raw === undefined) {
      this.letGo();
      return NO_BYTES;
    }
    this.owner.warmed(this);
    return this.raw;
  }

  /** It did not end. */
  get isHeld(): boolean {
    return this.owner.held.has(this.serial);
  }

  /** It is held no more, in any book; false where it was not. */
  letGo(): boolean {
    return this.owner.held.delete(this.serial);
  }

  /** It was sent again, to be kept so long, and the peer's store is known to hold it. */
  seen(retention: Retention, store: StoreId | undefined): void {
    if (STRICTNESS[retention] > STRICTNESS[this.retention]) this.retention = retention;
    if (store !== undefined && !this.stores.includes(store))
      this.stores = [...this.stores, store].slice(-MOST_STORES);
  }

  /** Whether so many different people were sent it, with this session, which sees it at this URL. */
  isEverybodys(url: string, { session, marks }: SessionScope, enough: number): boolean {
    if (marks === undefined || enough === Number.POSITIVE_INFINITY) return false;
    if (this.owner.pages.find(session, url).some((place) => place.version === this)) return false;
    this.evidence ??= new Evidence();
    this.evidence.add(marks());
    return this.evidence.identities >= enough;
  }

  /** The oldest places give way. */
  boundPlaces(): void {
    const excess = this.places.length - MOST_PLACES;
    if (excess > 0) this.owner.pages.remove(this, this.places.slice(0, excess));
  }

  wasAt(url: string): boolean {
    return this.lastUrl === url || this.places.some((place) => place.url === url);
  }
}

/** What one session finds. */
export type SessionVersions = Audience<HeldVersion>;

/** The session that finds a version, of several the one that was sent it last; undefined where everybody does, or nobody. */
export const sessionThatFinds = (version: Version): SessionKey | undefined => {
  if (!(version instanceof HeldVersion)) return undefined;
  const scopeKey = version.places.at(-1)?.audience.scopeKey;
  return scopeKey === "public" ? undefined : scopeKey;
};

/** Whether a session finds a version, and not everybody does. */
export const isOnlyFor = (version: Version, session: SessionKey): boolean =>
  version instanceof HeldVersion &&
  !version.isPublic &&
  version.places.some(({ audience }) => audience.scopeKey === session);

/** Whether this session, or whoever shows none, finds a version. */
export const isFoundBy = (version: Version, session: SessionKey | undefined): boolean =>
  version instanceof HeldVersion &&
  version.places.some(({ audience: { scopeKey } }) => scopeKey === "public" || scopeKey === session);

/** The session that finds a version; undefined where several do, or none can be told. */
export const onlySessionThatFinds = (version: Version): SessionKey | undefined => {
  const session = sessionThatFinds(version);
  const alone =
    version instanceof HeldVersion && version.places.every(({ audience }) => audience.scopeKey === session);
  return alone ? session : undefined;
};

/** What one key holds. */
export interface KeyShare {
  bytes: number;
  readonly hosts: Map<string, HostShare>;
}

/** What one named host of a key holds, or all its others together. */
export interface HostShare {
  readonly key: KeyShare;
  readonly host: string;
  bytes: number;
  partitions: number;
  /** In the order of their last use. What they take, and what gives way, `Shares` knows. */
  readonly held: LRUCache<number, HeldVersion>;
}

/** All versions of one partition. */
export class PartitionVersions {
  readonly partition: Partition;
  readonly pages = new PageIndex<HeldVersion>();
  /** Nearly always one version each; several only where somebody worked to make 8 bytes of SHA-256 meet. */
  readonly #byShort = new TurnoverMap<string, HeldVersion | HeldVersion[]>();
  /** Those that did not end, of all partitions of the share. */
  readonly held: HostShare["held"];
  readonly share: HostShare;
  /** A version's body is held as it is from now on. */
  readonly warmed: (version: HeldVersion) => void;
  count = 0;
  bytes = 0;

  constructor({ partition, share, warmed }: Pick<PartitionVersions, "partition" | "share" | "warmed">) {
    this.partition = partition;
    this.share = share;
    this.held = share.held;
    this.warmed = warmed;
  }

  get(fingerprint: Fingerprint): HeldVersion | undefined {
    const found = this.#byShort.get(shortOf(fingerprint));
    if (Array.isArray(found)) return found.find((version) => version.fingerprint === fingerprint);
    return found?.fingerprint === fingerprint ? found : undefined;
  }

  /** The only version of each short form; undefined when there is none or several. */
  allNominated(shorts: readonly string[]): (HeldVersion | undefined)[] {
    return this.#byShort.getAll(shorts).map((found) => (Array.isArray(found) ? undefined : found));
  }

  *all(): Iterable<HeldVersion> {
    for (const found of this.#byShort.values())
      if (Array.isArray(found)) yield* found;
      else yield found;
  }

  add(version: HeldVersion): void {
    const found = this.#byShort.get(version.short);
    const both =
      found === undefined ? version : Array.isArray(found) ? [...found, version] : [found, version];
    this.#byShort.set(version.short, both);
    this.count += 1;
  }

  remove(version: HeldVersion): void {
    const found = this.#byShort.get(version.short);
    const rest = Array.isArray(found) ? found.filter((other) => other !== version) : [];
    const [only] = rest;
    if (only === undefined) this.#byShort.delete(version.short);
    else this.#byShort.set(version.short, rest.length === 1 ? only : rest);
    this.pages.remove(version);
    this.count -= 1;
  }
}
