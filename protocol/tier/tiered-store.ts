/**
 * Versions in memory, and tiers below that outlive them: what is remembered is written behind, what memory misses is
 * looked for below for a request, in one tier after the other, and what is forgotten is forgotten in all. `no-store`
 * stays in memory, and so does what is a session's unless the settings say otherwise. SPEC section "Version store".
 */
import { LRUCache } from "lru-cache";
import type { Clock } from "../runtime/clock.ts";
import type { Renewal, SessionKey } from "../scope/credentials.ts";
import type { Scope } from "../scope/scope.ts";
import { ownBuffer } from "../store/compact-buffer.ts";
import type { Fingerprint, ShortFingerprint } from "../store/fingerprint.ts";
import { MAX_OFFERS, type ScopeKey } from "../store/page-index.ts";
import { isTemplate } from "../store/page-key.ts";
import type { Partition } from "../store/partition.ts";
import type { Sighting, StoreOptions } from "../store/store-options.ts";
import { HeldVersion, type StoreId, type Version } from "../store/stored-version.ts";
import { VersionStore } from "../store/version-store.ts";
import { Hope, TIER_WAIT_MS, type TierCounters } from "./hope.ts";
import type { Forgotten, LowerTier, StoredList, StoredVersion } from "./lower-tier.ts";

/** A page that is seen again as it was is put again after so long, so that it counts as used below. @internal */
export const PUT_AGAIN_MS = 600_000;
const MOST_ASKED = 32_768;
/** What no answer waits for is looked for when that visit is likely to be over. @internal */
export const LATER_MS = 50;

export interface TierBelow {
  readonly tier: LowerTier;
  /** Whether what is a session's is put there too. */
  readonly sessions: boolean;
}

interface TieredOptions extends StoreOptions {
  /** In the order in which they are asked. */
  readonly tiers: readonly TierBelow[];
}

/** For metrics: how a tier does. */
export interface TierState extends TierCounters {
  readonly tier: string;
  /** Whether it would be asked now. */
  readonly reached: boolean;
  /** Versions that were not written. */
  readonly lost: number;
}

interface Below extends TierBelow {
  readonly hope: Hope;
}

export class TieredStore extends VersionStore {
  readonly #clock: Clock;
  readonly #below: readonly Below[];
  /** Whether what is a session's may be found below. */
  readonly holdsSessions: boolean;
  /** Called with what others forgot who share a tier. */
  heard: ((what: Forgotten) => void) | undefined;
  /** What was looked for lately, and while it is: concurrent visits to a page look for it once. */
  readonly #asked: LRUCache<string, Promise<void> | "answered">;
  /** Rises when something is forgotten: what was read before does not come back. */
  #forgotten = 0;

  constructor(options: TieredOptions) {
    super(options);
    const { clock, tiers } = options;
    this.#clock = clock;
    this.#below = tiers.map((below) => ({ ...below, hope: new Hope(clock) }));
    this.holdsSessions = tiers.some(({ sessions }) => sessions);
    for (const { tier } of tiers)
      tier.heard = (what) => {
        this.#forgetHeard(what, tier);
        this.heard?.(what);
      };
    this.#asked = new LRUCache({
      max: MOST_ASKED,
      ttl: Math.min(...tiers.map(({ tier }) => tier.askAgainMs)),
      ttlResolution: 0,
      perf: { now: () => clock.now() + 1 },
    });
  }

  get tiers(): TierState[] {
    return this.#below.map(({ tier, hope }) => ({
      tier: tier.name,
      reached: tier.answers && !hope.pauses,
      lost: tier.dropped,
      ...hope.counters,
    }));
  }

  override remember(partition: Partition, sighting: Sighting): Version | undefined {
    const version = super.remember(partition, sighting);
    if (version instanceof HeldVersion && sighting.memoryOnly !== true)
      this.#writeBehind(partition, sighting, version);
    return version;
  }

  /**
   * Of a session that is nobody's any more, nothing is found below either; one that goes on under another name takes
   * along what is in memory.
   */
  override inherit(partition: Partition, renewal: Renewal): void {
    super.inherit(partition, renewal);
    if (renewal.from === undefined && this.holdsSessions)
      this.#forgetBelow({ partition, session: renewal.to });
  }

  override forget(what: { readonly partition: Partition } | { readonly host: string }, url?: string): number {
    this.#forgetBelow({ of: what, url });
    return super.forget(what, url);
  }

  override forgetVersions(partition: Partition, fingerprints: readonly Fingerprint[]): number {
    this.#forgetBelow(this.#versionsBelow(partition, fingerprints));
    return super.forgetVersions(partition, fingerprints);
  }

  /** Looks below for what a request offers; undefined where there is nothing to wait for. */
  fetchNominated(partition: Partition, offers: readonly string[]): Promise<void> | undefined {
    const missing = this.missing(partition, offers as readonly ShortFingerprint[]);
    const asked = missing.filter((short) => !this.#asked.has(`${partition} ${short}`));
    if (asked.length === 0) return undefined;
    return this.#fetch(
      asked.map((short) => `${partition} ${short}`),
      async ({ tier }, restore) => {
        const still = this.missing(partition, asked);
        return still.length > 0 && restore(await tier.nominated(partition, still));
      },
    );
  }

  /**
   * Looks below for versions of a page where memory has none of its URL, which are in `ofUrl`, and for those of its templates, in
   * `others`: not where memory has enough of the first template, and later where there are some of the URL.
   * Undefined where there is nothing to wait for.
   */
  fetchListed(
    partition: Partition,
    ofUrl: readonly StoredList[],
    peerStore: StoreId,
    others: readonly StoredList[] = [],
  ): Promise<void> | undefined {
    const [first] = ofUrl;
    if (first === undefined) return undefined;
    const name = `${partition} ${peerStore}${first.scopeKey} ${first.key}`;
    const asked = this.#asked.get(name);
    if (asked !== undefined) return asked === "answered" ? undefined : asked;
    const held = (lists: readonly StoredList[]) =>
      lists.flatMap(({ scopeKey, key }) => this.listed(partition, scopeKey, key, peerStore));
    const template = others.find(({ key }) => isTemplate(key))?.key;
    const ofTemplate = others.filter(({ key }) => key === template);
    let isFirst = true;
    return this.#fetch([name], async ({ tier, hope }, restore) => {
      if (!isFirst && held([...ofUrl, ...others]).length > 0) return false;
      isFirst = false;
      const look = async (lists: readonly StoredList[]) => {
        if (lists.length === 0) return false;
        const known = new Set(held(lists).map(({ fingerprint }) => fingerprint));
        return restore(await tier.listed(partition, lists, peerStore, known));
      };
      const found = await look(ofUrl);
      if (held(ofTemplate).length >= MAX_OFFERS) return found;
      if (!found) return look(others);
      const late = () => void hope.within(() => look(others), { answers: tier.answers });
      this.#clock.after(LATER_MS, late);
      return true;
    });
  }

  #fetch(names: readonly string[], ask: Ask): Promise<void> | undefined {
    const until = this.#clock.now() + TIER_WAIT_MS;
    let fetched: Promise<void> | undefined;
    for (const below of this.#below)
      fetched =
        fetched === undefined
          ? this.#askTier(below, ask, TIER_WAIT_MS)
          : fetched.then(() => this.#askTier(below, ask, until - this.#clock.now()));
    if (fetched === undefined) return undefined;
    const answered = fetched.then(() => {
      for (const name of names) this.#asked.set(name, "answered");
    });
    for (const name of names) this.#asked.set(name, answered);
    return answered;
  }

  #askTier(below: Below, ask: Ask, limitMs: number): Promise<void> | undefined {
    if (limitMs <= 0) return undefined;
    const { tier, hope } = below;
    const forgotten = this.#forgotten;
    const restore = (versions: readonly StoredVersion[]): boolean => {
      if (forgotten !== this.#forgotten) return false;
      // The best comes first, and what is remembered last is the newest.
      for (const version of versions.toReversed()) if (this.#restore(version)) hope.counters.read++;
      return versions.length > 0;
    };
    return hope.within(() => ask(below, restore), { answers: tier.answers, limitMs });
  }

  /** Whether memory has it now. */
  #restore({ partition, place, ...stored }: StoredVersion): boolean {
    const { scopeKey, url, templates } = place;
    const { retention, fingerprint } = stored;
    const scope: Scope =
      scopeKey === "public"
        ? { kind: "public", retention }
        : { kind: "session", session: scopeKey, retention, marks: undefined };
    const body = Buffer.from(stored.body.buffer);
    const sighting = { url, templates, body, fingerprint, scope };
    let version: Version | undefined;
    for (const from of stored.stores.length === 0 ? [undefined] : stored.stores)
      version = super.remember(partition, { ...sighting, from });
    if (!(version instanceof HeldVersion)) return false;
    const { stores } = version;
    version.putBelow = { at: this.#clock.now(), scopeKey, url, retention, stores, stays: false };
    return true;
  }

  #writeBehind(partition: Partition, { url, templates, body }: Sighting, version: HeldVersion): void {
    const { retention, fingerprint, stores } = version;
    const scopeKey: ScopeKey | undefined = version.places.find((place) => place.url === url)?.audience
      .scopeKey;
    if (scopeKey === undefined) return;
    const before = version.putBelow;
    const at = this.#clock.now();
    const isAsBefore =
      before?.url === url &&
      before.scopeKey === scopeKey &&
      before.retention === retention &&
      before.stores === stores;
    if (isAsBefore && at - before.at < PUT_AGAIN_MS) return;
    const stays = retention === "no-store" || (retention === "session" && !this.holdsSessions);
    version.putBelow = { at, scopeKey, url, retention, stores, stays };
    if (stays) {
      // What never came below is not looked for there: most of what must stay in memory is of that kind.
      if (before?.stays === false) this.#forgetBelow(this.#versionsBelow(partition, [fingerprint]));
      return;
    }
    // As it is in memory: nothing is copied for what is not written in the end.
    const stored = {
      partition,
      fingerprint,
      body: (version.raw ?? ownBuffer(body)) as Buffer<ArrayBuffer>,
      stores,
      retention,
      place: { scopeKey, url, templates },
    };
    for (const below of this.#below)
      if (retention !== "session" || below.sessions) {
        below.hope.counters.written++;
        below.tier.put(stored);
      }
  }

  #versionsBelow(partition: Partition, fingerprints: readonly Fingerprint[]): Forgotten {
    const places = fingerprints.flatMap((each) => {
      const version = this.find(partition, each);
      const known = version instanceof HeldVersion ? version.places : [];
      return known.map(({ url, audience: { scopeKey } }) => ({ scopeKey, key: url }));
    });
    return { partition, fingerprints, places };
  }

  #forgetBelow(what: Forgotten, but?: LowerTier): void {
    this.#forgotten++;
    // What it cannot forget it throws away as a whole, or forgets when it is back.
    for (const { tier, sessions } of this.#below)
      if (tier !== but && (sessions || !("session" in what))) void tier.forget(what).catch(() => undefined);
  }

  /** As if it had been forgotten here, but in the tier that told. */
  #forgetHeard(what: Forgotten, teller: LowerTier): void {
    this.#forgetBelow(what, teller);
    if ("of" in what) super.forget(what.of, what.url);
    else if ("session" in what)
      super.inherit(what.partition, { from: undefined, to: what.session as SessionKey });
    else super.forgetVersions(what.partition, what.fingerprints);
  }
}

/** Resolves with whether something was found; `restore` says so of what it takes into memory. */
type Ask = (below: Below, restore: (versions: readonly StoredVersion[]) => boolean) => Promise<boolean>;

/** What a daemon shows of its store. */
export const storeState = (store: VersionStore) => ({
  bytes: store.bytes,
  mostBytes: store.maxBytes,
  versions: store.count,
  ...store.lost.counts,
  tiers: store instanceof TieredStore ? store.tiers : [],
});
