/**
 * The versions a daemon holds, on either side: content once per partition and fingerprint, found by short fingerprint and
 * by page, bounded in bytes. The bound is on resident size: bodies are copied into buffers of their own size, and all
 * that is kept beside them is charged too. What is personal is also forgotten in time. SPEC section "Version store".
 */
import type { Clock, Timer } from "../runtime/clock.ts";
import type { Renewal, SessionKey } from "../scope/credentials.ts";
import { IDENTITIES_FOR_PUBLIC } from "../scope/public-evidence.ts";
import type { Scope } from "../scope/scope.ts";
import { namesOf } from "./common-base-name.ts";
import { ownBuffer } from "./compact-buffer.ts";
import type { Fingerprint, ShortFingerprint } from "./fingerprint.ts";
import { LastUses } from "./last-uses.ts";
import { LostPages } from "./lost-pages.ts";
import { accountedBytesOf, VERSION_BYTES } from "./memory-accounting.ts";
import { Packing } from "./packing.ts";
import type { ScopeKey } from "./page-index.ts";
import { hostName, hostOf, type Partition } from "./partition.ts";
import { Retired } from "./retired.ts";
import { Shares } from "./shares.ts";
import {
  DEFAULT_LIFETIMES,
  DEFAULT_STORE_BYTES,
  type Lifetimes,
  type Sighting,
  type StoreOptions,
  SWEEP_MS,
} from "./store-options.ts";
import { HeldVersion, type SessionVersions, type StoreId, type Version } from "./stored-version.ts";
import { byLikeness } from "./url-likeness.ts";

export type { Lifetimes, Sighting, StoreOptions } from "./store-options.ts";
export type { SessionVersions, StoreId, Version } from "./stored-version.ts";

export class VersionStore {
  readonly maxBytes: number;
  readonly lost = new LostPages();
  readonly retired: Retired;
  readonly #clock: Clock;
  readonly #lifetimes: Lifetimes;
  readonly #identitiesForPublic: number;
  readonly #shares: Shares;
  readonly #lastUses = new LastUses<HeldVersion>();
  readonly #packing: Packing;
  #sweep: Timer | undefined;

  constructor(options: StoreOptions) {
    this.maxBytes = options.bytes ?? DEFAULT_STORE_BYTES;
    this.retired = new Retired(this.maxBytes);
    this.#clock = options.clock;
    this.#lifetimes = { ...DEFAULT_LIFETIMES, ...options.lifetimes };
    this.#identitiesForPublic = options.identitiesForPublic ?? IDENTITIES_FOR_PUBLIC;
    this.#shares = new Shares({
      clock: this.#clock,
      maxBytes: this.maxBytes,
      isNamed: options.isNamed ?? (() => true),
      lost: this.lost,
      retired: this.retired,
      dropped: (version, evicted) => this.#dropped(version, evicted),
      warmed: (version) => this.#packing.warmed(version),
    });
    this.#packing = new Packing({ clock: this.#clock, maxBytes: this.maxBytes, shares: this.#shares });
  }

  /** Bytes charged for all that is held. */
  get bytes(): number {
    return this.#shares.bytes;
  }

  get count(): number {
    return this.#shares.count;
  }

  /** Versions and bytes of one partition. */
  held(partition: Partition): { readonly count: number; readonly bytes: number } {
    const versions = this.#shares.partitions.get(partition);
    return { count: versions?.count ?? 0, bytes: versions?.bytes ?? 0 };
  }

  /** What is kept beside the versions, for tests and metrics; all are zero when there is no version. */
  get books(): Shares["books"] & { mortal: number } {
    return { ...this.#shares.books, mortal: this.#lastUses.size };
  }

  /** Remembers a body; undefined when its scope is nobody's, or it is larger than the whole store. */
  remember(partition: Partition, sighting: Sighting): Version | undefined {
    const { scope, body, fingerprint } = sighting;
    if (scope.kind === "nobody" || body.length + VERSION_BYTES > this.maxBytes) return undefined;
    let version = this.#current(partition, fingerprint);
    if (version === undefined) {
      const owner = this.#shares.ownerOf(partition);
      version = new HeldVersion(owner, fingerprint, ownBuffer(body));
      owner.add(version);
    }
    version.seen(scope.retention, sighting.from);
    const unlisted = this.#place(version, sighting, scope);
    this.#account(version);
    this.#relisted(unlisted);
    this.#keepSweeping();
    return version.accountedBytes > 0 ? version : undefined; // nothing is charged for what gave way
  }

  /** An exchange of a session begins. Undefined where the session has no versions. */
  enter(partition: Partition, session: SessionKey): SessionVersions | undefined {
    return this.#shares.partitions.get(partition)?.pages.enter(session);
  }

  /** It is over. */
  leave(partition: Partition, session: SessionVersions): void {
    this.#relisted(this.#shares.partitions.get(partition)?.pages.leave(session) ?? []);
  }

  /** A session goes on under another name. SPEC section "Renewed credentials". */
  inherit(partition: Partition, { from, to }: Renewal): void {
    const versions = this.#shares.partitions.get(partition)?.pages.inherit(from, to) ?? [];
    for (const version of versions) version.boundPlaces();
    this.#relisted(versions);
  }

  /** The versions that these short fingerprints can only mean, undefined in place of an unknown or ambiguous one; a use of each. */
  nominated(partition: Partition, shorts: readonly string[]): (Version | undefined)[] {
    const owner = this.#shares.partitions.get(partition);
    return this.useAll(owner?.allNominated(shorts) ?? shorts.map(() => undefined));
  }

  /** Those that `nominated` would not find; does not count as a use. */
  missing(partition: Partition, shorts: readonly ShortFingerprint[]): ShortFingerprint[] {
    const found = this.#shares.partitions.get(partition)?.allNominated(shorts);
    return shorts.filter((_, at) => found?.[at]?.isHeld !== true);
  }

  /** By its full name; does not count as a use. */
  find(partition: Partition, fingerprint: Fingerprint): Version | undefined {
    const version = this.#shares.partitions.get(partition)?.get(fingerprint);
    return version?.isHeld ? version : undefined;
  }

  /**
   * What an audience finds under a URL (its versions) or a template (the newest version of each page), newest last, as far as
   * it is held still; with `peerStore`, only what that store is known to hold too. Of a template, those last whose URL is most
   * like `url`.
   */
  listed(partition: Partition, scopeKey: ScopeKey, key: string, peerStore?: StoreId, url = key): Version[] {
    const versions: Version[] = [];
    const places = this.#shares.partitions.get(partition)?.pages.find(scopeKey, key) ?? [];
    for (const { version } of url === key ? places : byLikeness(places, url))
      if ((peerStore === undefined || version.stores.includes(peerStore)) && version.isHeld)
        versions.push(version);
    return versions;
  }

  /** Whether a version is still held and not past its end of life. */
  holds(version: Version): boolean {
    return version instanceof HeldVersion && version.isHeld;
  }

  /** Notes a use of each, which puts off its end; undefined in place of those that are not held any more. */
  useAll(versions: readonly (Version | undefined)[]): (Version | undefined)[] {
    const held = versions.map((each) =>
      each instanceof HeldVersion && each.owner.held.get(each.serial) !== undefined ? each : undefined,
    );
    for (const each of held) if (each && each.lifetimeMs > 0) this.#lastUses.used(each, each.lifetimeMs);
    this.#packing.used(held);
    return held;
  }

  /** The body of a version in a content coding, where `keepCopy` kept it. */
  copyOf(version: Version, coding: string): Buffer | undefined {
    return version instanceof HeldVersion ? version.copies?.get(coding) : undefined;
  }

  /** Keeps the body of a version in a content coding beside it, at the store's charge; nothing if it is held no more. */
  keepCopy(version: Version, coding: string, copy: Buffer): void {
    if (!(version instanceof HeldVersion) || !version.isHeld) return;
    version.copies ??= new Map();
    version.copies.set(coding, ownBuffer(copy));
    this.#account(version);
    this.#shares.makeRoom();
  }

  /** Erases what is held of a partition or of a host (under every key), or of one URL of it. Returns how many versions. */
  forget(what: { readonly partition: Partition } | { readonly host: string }, url?: string): number {
    const host = "host" in what ? hostName(what.host) : undefined;
    const names = url === undefined ? undefined : namesOf(url);
    const concerned = [...this.#shares.partitions.values()].filter(({ partition }) =>
      "partition" in what ? partition === what.partition : hostOf(partition) === host,
    );
    const versions = concerned.flatMap((owner) => [...owner.all()]);
    return this.#erase(versions.filter((each) => names?.some((name) => each.wasAt(name)) ?? true));
  }

  /** Erases versions that verified corrupt, here or at the peer. Returns how many were held. */
  forgetVersions(partition: Partition, fingerprints: readonly Fingerprint[]): number {
    const owner = this.#shares.partitions.get(partition);
    return this.#erase(fingerprints.flatMap((fingerprint) => owner?.get(fingerprint) ?? []));
  }

  /** Stops the sweep and forgets everything. */
  close(): void {
    for (const { held } of this.#shares.partitions.values()) held.clear();
    this.#sweep?.cancel();
    this.#sweep = undefined;
    this.#packing.close();
  }

  #current(partition: Partition, fingerprint: Fingerprint): HeldVersion | undefined {
    const version = this.#shares.partitions.get(partition)?.get(fingerprint);
    if (version === undefined || version.isHeld) return version;
    this.#end(version); // past its end, and not swept yet
    return undefined;
  }

  /** Puts a version where its audience finds it; returns those that this left in no list. */
  #place(
    version: HeldVersion,
    page: Sighting,
    scope: Exclude<Scope, { kind: "nobody" }>,
  ): readonly HeldVersion[] {
    const { pages } = version.owner;
    const wasPublic = version.isPublic;
    version.isPublic ||=
      scope.kind === "public" || version.isEverybodys(page.url, scope, this.#identitiesForPublic);
    const scopeKey = version.isPublic || scope.kind === "public" ? "public" : scope.session;
    const left = pages.place(version, { scopeKey, url: page.url, templates: page.templates });
    if (version.isPublic && !wasPublic) {
      version.evidence = undefined;
      for (const { url, lists } of version.places.filter(({ audience }) => audience.scopeKey !== "public")) {
        const templates = lists.flatMap(({ key }) => (key === url ? [] : [key]));
        left.push(...pages.place(version, { scopeKey: "public", url, templates }));
      }
    }
    version.lastUrl = version.places.at(-1)?.url ?? "";
    version.boundPlaces();
    return left;
  }

  /** They stand in other lists than before, or in none. */
  #relisted(versions: readonly HeldVersion[]): void {
    for (const version of versions)
      if (version.places.length === 0 && this.#lifetimes.retiredMs === 0) version.letGo();
      else if (version.isHeld) this.#account(version);
    this.#shares.makeRoom();
  }

  /** Accounts for what a version takes now and when it ends, or lets go of one that outgrew the store. Room is made after it. */
  #account(version: HeldVersion): void {
    const ttl = this.#lifetimeOf(version);
    const bytes = accountedBytesOf(version);
    if (bytes > this.maxBytes) {
      if (!version.letGo()) this.#dropped(version, false);
      return;
    }
    if (bytes === version.accountedBytes && ttl === version.lifetimeMs) return void this.useAll([version]);
    this.#shares.charge(version, bytes);
    this.#packing.used([version]);
    if (version.lifetimeMs > 0 && ttl !== version.lifetimeMs)
      this.#lastUses.gone(version, version.lifetimeMs);
    version.lifetimeMs = ttl;
    if (ttl > 0) this.#lastUses.used(version, ttl);
    version.owner.held.set(version.serial, version, { size: 1, ttl });
  }

  /** Milliseconds after the last use; 0 is without end. */
  #lifetimeOf({ places, retention }: HeldVersion): number {
    if (places.length === 0) return this.#lifetimes.retiredMs;
    if (retention === "keep") return 0;
    return retention === "session" ? this.#lifetimes.sessionMs : this.#lifetimes.noStoreMs;
  }

  /** lru-cache let go of a version: every book forgets it. */
  #dropped(version: HeldVersion, evicted: boolean): void {
    const { owner } = version;
    owner.remove(version);
    if (version.lifetimeMs > 0) this.#lastUses.gone(version, version.lifetimeMs);
    this.#shares.charge(version, 0);
    this.#packing.gone(version, evicted);
    this.#shares.letGo(owner);
  }

  #erase(versions: readonly HeldVersion[]): number {
    // Those that others are packed on last, so that nothing is unpacked for nothing.
    const ordered = versions.toSorted((a, b) => (a.dependents?.size ?? 0) - (b.dependents?.size ?? 0));
    return ordered.filter((version) => version.letGo()).length;
  }

  /** One timer for the whole store, while there is something in it. */
  #keepSweeping(): void {
    this.#sweep ??= this.#clock.after(SWEEP_MS, () => {
      this.#sweep = undefined;
      for (const version of this.#lastUses.ended((other) => !other.isHeld)) this.#end(version);
      if (this.#shares.count > 0) this.#keepSweeping();
    });
  }

  #end(version: HeldVersion): void {
    this.lost.note(version, "expired");
    version.letGo();
  }
}
