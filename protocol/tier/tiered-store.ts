/**
 * Versions in memory, and a tier below that outlives them: what is remembered is written behind, what memory misses is looked for
 * below before a request goes on, and what is forgotten is forgotten in both. `no-store` stays in memory, and so does what is a
 * session's unless the settings say otherwise. SPEC section "Version store".
 */
import { LRUCache } from "lru-cache";
import type { Clock } from "../runtime/clock.ts";
import type { Renewal } from "../scope/credentials.ts";
import type { Scope } from "../scope/scope.ts";
import type { Fingerprint, ShortFingerprint } from "../store/fingerprint.ts";
import type { ScopeKey } from "../store/page-index.ts";
import type { Partition } from "../store/partition.ts";
import type { Sighting, StoreOptions } from "../store/store-options.ts";
import { HeldVersion, type StoreId, type Version } from "../store/stored-version.ts";
import { VersionStore } from "../store/version-store.ts";
import { Hope, type TierCounters } from "./hope.ts";
import type { Forgotten, LowerTier, StoredList, StoredPlace, StoredVersion } from "./lower-tier.ts";

/** A page that is seen again as it was is put again after so long, so that it counts as used below. @internal */
export const PUT_AGAIN_MS = 600_000;
/** What was looked for below is not looked for again so soon. */
const ASK_AGAIN_MS = 60_000;
const MOST_ASKED = 32_768;

interface TieredOptions extends StoreOptions {
  readonly tier: LowerTier;
  /** Whether what is a session's is put below too. */
  readonly sessions: boolean;
}

/** What was put below of a version in memory last. */
interface Put {
  readonly at: number;
  readonly as: string;
}

/** In place of a name: it is in memory alone. */
const STAYS = "";

export class TieredStore extends VersionStore {
  readonly #clock: Clock;
  readonly #tier: LowerTier;
  /** Whether what is a session's may be found below. */
  readonly holdsSessions: boolean;
  readonly #hope: Hope;
  readonly #put = new WeakMap<Version, Put>();
  /** What was looked for lately, and while it is: concurrent visits to a page look for it once. */
  readonly #asked: LRUCache<string, Promise<void> | "answered">;
  /** Rises when something is forgotten: what was read before does not come back. */
  #forgotten = 0;

  constructor(options: TieredOptions) {
    super(options);
    const { clock, tier, sessions } = options;
    this.#clock = clock;
    this.#tier = tier;
    this.holdsSessions = sessions;
    this.#hope = new Hope(clock);
    this.#asked = new LRUCache({
      max: MOST_ASKED,
      ttl: ASK_AGAIN_MS,
      ttlResolution: 0,
      perf: { now: () => clock.now() + 1 },
    });
  }

  /** For metrics. */
  get tierCounters(): Readonly<TierCounters> {
    return this.#hope.counters;
  }

  override remember(partition: Partition, sighting: Sighting): Version | undefined {
    const version = super.remember(partition, sighting);
    if (version instanceof HeldVersion && sighting.memoryOnly !== true)
      this.#writeBehind(partition, sighting, version);
    return version;
  }

  /** Of a session that is nobody's any more, nothing is found below either; one that goes on under another name takes along what is in memory. */
  override inherit(partition: Partition, renewal: Renewal): void {
    super.inherit(partition, renewal);
    if (renewal.from === undefined) this.#forgetBelow({ partition, session: renewal.to });
  }

  override forget(what: { readonly partition: Partition } | { readonly host: string }, url?: string): number {
    this.#forgetBelow({ of: what, url });
    return super.forget(what, url);
  }

  override forgetVersions(partition: Partition, fingerprints: readonly Fingerprint[]): number {
    this.#forgetBelow({ partition, fingerprints });
    return super.forgetVersions(partition, fingerprints);
  }

  /** Looks below for what a request offers; undefined where there is nothing to wait for. */
  fetchNominated(partition: Partition, shorts: readonly ShortFingerprint[]): Promise<void> | undefined {
    const missing = shorts.filter(
      (short) => !this.#asked.has(`${partition} ${short}`) && this.nominated(partition, short) === undefined,
    );
    if (missing.length === 0) return undefined;
    return this.#fetch(
      missing.map((short) => `${partition} ${short}`),
      () => this.#tier.nominated(partition, missing),
    );
  }

  /** Looks below for versions of a page where memory has none of its URL; undefined where there is nothing to wait for. */
  fetchListed(
    partition: Partition,
    lists: readonly StoredList[],
    peerStore: StoreId,
  ): Promise<void> | undefined {
    const [first] = lists;
    if (first === undefined) return undefined;
    const name = `${partition} ${peerStore}${first.scopeKey} ${first.key}`;
    const asked = this.#asked.get(name);
    if (asked !== undefined) return asked === "answered" ? undefined : asked;
    return this.#fetch([name], () => this.#tier.listed(partition, lists, peerStore));
  }

  #fetch(names: readonly string[], ask: () => Promise<readonly StoredVersion[]>): Promise<void> | undefined {
    const forgotten = this.#forgotten;
    const fetched = this.#hope.within(async () => {
      const versions = await ask();
      if (forgotten !== this.#forgotten) return;
      if (versions.length > 0) this.#hope.counters.found++;
      // The best comes first, and what is remembered last is the newest.
      for (const version of versions.toReversed()) this.#restore(version);
    });
    if (fetched === undefined) return undefined;
    const answered = fetched.then(() => {
      for (const name of names) this.#asked.set(name, "answered");
    });
    for (const name of names) this.#asked.set(name, answered);
    return answered;
  }

  #restore({ partition, place, ...stored }: StoredVersion): void {
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
    if (version === undefined) return;
    this.#hope.counters.read++;
    this.#put.set(version, { at: this.#clock.now(), as: nameOf(version, place, retention) });
  }

  #writeBehind(partition: Partition, { url, templates, body }: Sighting, version: HeldVersion): void {
    const { retention, fingerprint, stores } = version;
    const scopeKey: ScopeKey | undefined = version.places.find((place) => place.url === url)?.audience
      .scopeKey;
    if (scopeKey === undefined) return;
    const before = this.#put.get(version);
    const stays = retention === "no-store" || (retention === "session" && !this.holdsSessions);
    const place = { scopeKey, url, templates };
    const [at, as] = [this.#clock.now(), stays ? STAYS : nameOf(version, place, retention)];
    if (before?.as === as && at - before.at < PUT_AGAIN_MS) return;
    this.#put.set(version, { at, as });
    if (stays) {
      // What never came below is not looked for there: most of what must stay in memory is of that kind.
      if (before !== undefined && before.as !== STAYS)
        this.#forgetBelow({ partition, fingerprints: [fingerprint] });
      return;
    }
    this.#hope.counters.written++;
    // A copy of its own: it goes to another thread.
    this.#tier.put({ partition, fingerprint, body: new Uint8Array(body), stores, retention, place });
  }

  #forgetBelow(what: Forgotten): void {
    this.#forgotten++;
    // What it cannot forget it throws away as a whole.
    void this.#tier.forget(what).catch(() => undefined);
  }
}

/** Two that are named alike are the same to the tier. */
const nameOf = (
  { stores }: Version,
  { scopeKey, url }: StoredPlace,
  retention: StoredVersion["retention"],
): string => `${retention} ${scopeKey} ${stores.join("")} ${url}`;
