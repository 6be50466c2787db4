/**
 * Common bases: where pages belong to sessions, a new session has no version to build on. So the pieces that pages of at
 * least three different people share become a version of their own, which is pushed to the origin side and offered to
 * everybody. Made as soon as an answer was dear and may be cheaper so; one at a time, in slices, within the memory
 * budget. SPEC section "Common bases".
 */
import { type Codec, DeltaError } from "../../../protocol/codec/codec.ts";
import { STREAMING_CODEC } from "../../../protocol/codec/codecs.ts";
import { spliceCodec, spliceInUnits } from "../../../protocol/codec/splice.ts";
import type { Log } from "../../../protocol/daemon/log.ts";
import { UNITS_READ } from "../../../protocol/frames/answer-form.ts";
import { resultDigest } from "../../../protocol/frames/digests.ts";
import type { Link } from "../../../protocol/link/link-api.ts";
import type { Clock } from "../../../protocol/runtime/clock.ts";
import type { MemoryBudget } from "../../../protocol/runtime/memory-budget.ts";
import type { SessionScope } from "../../../protocol/scope/scope.ts";
import { commonName, MOST_NAME_CHARS } from "../../../protocol/store/common-base-name.ts";
import { type Fingerprint, fingerprintOf } from "../../../protocol/store/fingerprint.ts";
import type { PageKey } from "../../../protocol/store/page-key.ts";
import { hostOf, type Partition } from "../../../protocol/store/partition.ts";
import type { StoreId, Version, VersionStore } from "../../../protocol/store/version-store.ts";
import type { Source } from "./common-sources.ts";
import { inSlices } from "./in-slices.ts";
import { commonPieces, PEOPLE_PER_PIECE } from "./shared-runs.ts";
import {
  FIRST_PAUSE_MS,
  hasDrifted,
  isAnewDue,
  noteMade,
  unwatched,
  type Watched,
  WatchedPages,
} from "./watched-pages.ts";

/** Answers below this are cheap: nothing is made for them. Bytes. @internal */
export const DEAR_BYTES = 256;
/** A base helps when its cheapest answer is this many times smaller than the one it was made for. */
const HELPS = 2;
/** Larger pages are no sources. */
export const MOST_SOURCE_BYTES = 512 * 1024;
/** A smaller common base saves less than it costs, unless it is this part of a small page. */
const LEAST_COMMON_BYTES = 1024;
const LEAST_SHARE = 0.25;
/** A base up to here is told in units of its page, which takes 40 % less than zstd: of so many bytes it holds the event loop for 5 ms. */
const MOST_IN_UNITS_BYTES = 256 * 1024;
/** The largest coded push: it leaves as one frame, before anything else that waits on its link. @internal */
export const MOST_PUSH_BYTES = 8 * 1024;
/** The longest from one try for a URL or template to the next. */
const LONGEST_PAUSE_MS = 3_600_000;
/** The pause is this many times what the try took, or longer. */
const REST_SHARE = 4;
/** Visits that wait for a build to end; each holds its page. */
const MOST_WAITING = 16;
/** Memory that comparing takes, in sizes of its sources: text, units, and where they are found. */
const WORK_FACTOR = 4;

/** A visit of a session that left a version behind. */
export interface SessionVisit {
  readonly partition: Partition;
  readonly pageKey: PageKey;
  readonly scope: SessionScope;
  readonly version: Version;
  readonly offered: readonly Version[];
  /** What the answer cost. */
  readonly answerBytes: number;
  readonly link: Link;
}

/** What it was offered by name only, for it may wait. */
type DearVisit = Omit<SessionVisit, "offered"> & { readonly offered: readonly Fingerprint[] };

export interface CommonBasesDependencies {
  readonly clock: Clock;
  readonly log: Log;
  readonly store: VersionStore;
  readonly memory: MemoryBudget;
  /** As the store's. */
  readonly isNamed?: (host: string) => boolean;
}

export class CommonBases {
  readonly #options: CommonBasesDependencies;
  readonly #pages: WatchedPages;
  /** One is made at a time; resolves when it is over. */
  #making: Promise<void> | undefined;
  /** For what a base is wanted next, the longest wait first, with the newest visit. */
  readonly #waiting = new Map<Watched, DearVisit>();
  readonly #stopping = new AbortController();

  constructor(options: CommonBasesDependencies) {
    this.#options = options;
    this.#pages = new WatchedPages(options.isNamed ?? (() => true));
  }

  /** A response gave somebody new credentials: whoever shows one of these marks is the same person. */
  samePerson(partition: Partition, marks: readonly string[]): void {
    this.#pages.of(partition).identities.of(marks);
  }

  /** Notes what a session brought, and makes or pushes a common base where the answer was dear. */
  visited(visit: SessionVisit): void {
    const { partition, version, scope, link } = visit;
    if (this.#stopping.signal.aborted || scope.joined === undefined || !link.peer.features.includes("push"))
      return;
    if (version.body.length > MOST_SOURCE_BYTES) return;
    const { identities, watched } = this.#pages.of(partition);
    const { session, retention, joined } = scope;
    for (const key of keysOf(visit.pageKey)) {
      const known = watched.get(key) ?? unwatched();
      watched.set(key, known);
      known.sources.add({ session, retention, fingerprint: version.fingerprint }, identities, joined);
    }
    const dear = { ...visit, offered: visit.offered.map(({ fingerprint }) => fingerprint) };
    const wanted = this.#wanted(dear);
    if (wanted === undefined) return;
    if (this.#making === undefined) this.#start(dear, wanted);
    else if (this.#waiting.size < MOST_WAITING || this.#waiting.has(wanted.known))
      this.#waiting.set(wanted.known, dear);
  }

  /** Makes nothing more; resolves when nothing is under way. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#waiting.clear();
    await this.#making;
  }

  /** Resolves when nothing is being made. For tests. */
  async idle(): Promise<void> {
    while (this.#making !== undefined) await this.#making;
  }

  /** The most specific key of which enough people's pages are at hand, if a common base for it would help now. */
  #wanted({ partition, pageKey, scope, offered, answerBytes, link }: DearVisit): Wanted | undefined {
    const { store, clock } = this.#options;
    const { identities, watched } = this.#pages.of(partition);
    const now = clock.now();
    for (const key of keysOf(pageKey)) {
      const known = watched.get(key);
      if (known === undefined) continue;
      const base = this.#baseOf(partition, key, link.peer.storeId as StoreId);
      const used = base !== undefined && offered.includes(base.fingerprint);
      if (used) {
        known.leastBytes = Math.min(known.leastBytes, answerBytes);
        known.bestBytes = Math.min(known.bestBytes, answerBytes);
      }
      // One that halves what answers cost is worth being made anew as soon as pages drift.
      const helps = known.leastBytes * HELPS <= known.madeForBytes;
      if (used && helps) known.pauseMs = FIRST_PAUSE_MS;
      if (answerBytes < DEAR_BYTES) continue;
      if (used) known.dearAnswers++;
      const sources = known.sources.ofIdentities(
        identities,
        (each) => store.find(partition, each) !== undefined,
      );
      // The page that has just come is what pieces are taken from: it must be of one of the people.
      const [newest] = sources;
      if (newest?.session !== scope.session || sources.length < PEOPLE_PER_PIECE) continue;
      // There, and not offered: versions of the visitor's own left no room for it.
      const serves =
        base !== undefined &&
        (!used || (helps && !hasDrifted(known, answerBytes) && !isAnewDue(known, answerBytes)));
      return serves || now < known.nextTryAt ? undefined : { key, known, sources };
    }
    return undefined;
  }

  /** The common base that this store of a peer holds too. */
  #baseOf(partition: Partition, key: string, peerStore: StoreId): Version | undefined {
    return this.#options.store.listed(partition, "public", commonName(key), peerStore).at(-1);
  }

  #start(visit: DearVisit, wanted: Wanted): void {
    const { known } = wanted;
    const { clock, log } = this.#options;
    const startedAt = clock.now();
    known.nextTryAt = startedAt + known.pauseMs;
    known.pauseMs = Math.min(LONGEST_PAUSE_MS, known.pauseMs * 2);
    this.#making = this.#make(visit, wanted)
      .catch((error: unknown) => log.error("common base failed", { error }))
      .finally(() => {
        this.#making = undefined;
        const endedAt = clock.now();
        known.nextTryAt = Math.max(known.nextTryAt, endedAt + REST_SHARE * (endedAt - startedAt));
        this.#startNext();
      });
  }

  #startNext(): void {
    for (const [known, visit] of this.#waiting) {
      this.#waiting.delete(known);
      const wanted = this.#wanted(visit);
      if (wanted !== undefined) return this.#start(visit, wanted);
    }
  }

  async #make(visit: DearVisit, { key, known, sources }: Wanted): Promise<void> {
    const { store, log, memory } = this.#options;
    const { partition, link } = visit;
    // The first is the page that has just come, and so one that the origin side has too: the push is a delta on it.
    const versions = sources.flatMap(({ fingerprint }) => store.find(partition, fingerprint) ?? []);
    const lease = memory.lease(link.keyId);
    try {
      if (!lease.grow(WORK_FACTOR * versions.reduce((sum, { body }) => sum + body.length, 0))) return;
      const body = await inSlices(commonPieces(versions.map((version) => version.body)), {
        clock: this.#options.clock,
        signal: this.#stopping.signal,
      });
      const least = Math.min(LEAST_COMMON_BYTES, LEAST_SHARE * visit.version.body.length);
      if (body === undefined || body.length < least) return;
      const { codec, coded } = await codedPush(visit, body);
      // Forgotten meanwhile: then what was made of it is forgotten too.
      if (this.#stopping.signal.aborted || !versions.every((version) => store.holds(version))) return;
      if (coded.length > MOST_PUSH_BYTES || body.length > link.peer.pageBytes) return;
      const base = this.#remember(visit, key, body, sources);
      if (base === undefined) return;
      noteMade(known, visit.answerBytes);
      known.madeForBytes = Math.max(known.madeForBytes, visit.answerBytes);
      link.push({
        kind: "version",
        host: hostOf(partition),
        name: key,
        noStore: isNoStore(sources),
        result: resultDigest(base.fingerprint),
        size: body.length,
        codec: codec.id,
        bases: [visit.version.short],
        coded,
      });
      const counts = { pages: versions.length, bytes: body.length, pushed: coded.length };
      log.debug("common base", { host: hostOf(partition), key, ...counts });
    } catch (error) {
      if (!(error instanceof DeltaError)) throw error; // a page that the codec does not take as a base
    } finally {
      lease.release();
    }
  }

  #remember(
    { partition, link }: DearVisit,
    key: string,
    body: Buffer,
    sources: readonly Source[],
  ): Version | undefined {
    const { store } = this.#options;
    const name = commonName(key);
    const before = this.#baseOf(partition, key, link.peer.storeId as StoreId);
    const base = store.remember(partition, {
      url: name,
      templates: [],
      body,
      fingerprint: fingerprintOf(body),
      scope: { kind: "public", retention: isNoStore(sources) ? "no-store" : "session" },
      from: link.peer.storeId as StoreId,
    });
    if (before !== undefined && before !== base) store.forgetVersions(partition, [before.fingerprint]);
    return base;
  }
}

/** A base on the page that its pieces were taken from: for the most part a list of the units that are left out. */
const codedPush = async (
  { link, version }: DearVisit,
  base: Buffer,
): Promise<{ readonly codec: Codec; readonly coded: Buffer }> => {
  const bases = [version.body];
  const mayTell = link.peer.features.includes(UNITS_READ) && version.body.length <= MOST_IN_UNITS_BYTES;
  const inUnits = mayTell ? spliceInUnits(bases, base, { packed: true }) : undefined;
  return inUnits === undefined
    ? { codec: STREAMING_CODEC, coded: await STREAMING_CODEC.encode(bases, base) }
    : { codec: spliceCodec, coded: inUnits };
};

interface Wanted {
  readonly key: string;
  readonly known: Watched;
  readonly sources: readonly Source[];
}

/** The URL, then its templates, from the most specific on. */
const keysOf = ({ url, templates }: PageKey): readonly string[] =>
  [url, ...templates].filter((key) => key.length <= MOST_NAME_CHARS);

const isNoStore = (sources: readonly Source[]): boolean =>
  sources.some(({ retention }) => retention === "no-store");
