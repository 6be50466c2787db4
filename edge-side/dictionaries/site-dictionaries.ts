/**
 * Dictionaries that the edge publishes of its sites, one a host at a time: made of pages that visitors without any
 * credential were sent, as soon as three networks were, one build at a time and in slices, and made anew when pages
 * have drifted. Gone at `forget`. docs/dictionaries.md.
 */
import { LRUCache } from "lru-cache";
import { zstdCodec } from "../../protocol/codec/zstd.ts";
import type { Log } from "../../protocol/daemon/log.ts";
import type { Clock } from "../../protocol/runtime/clock.ts";
import type { MemoryBudget } from "../../protocol/runtime/memory-budget.ts";
import { type Fingerprint, fingerprintOf } from "../../protocol/store/fingerprint.ts";
import type { PageKey } from "../../protocol/store/page-key.ts";
import type { Partition } from "../../protocol/store/partition.ts";
import type { Version, VersionStore } from "../../protocol/store/version-store.ts";
import { MOST_SOURCE_BYTES } from "../bases/common/common-bases.ts";
import { inSlices } from "../bases/common/in-slices.ts";
import { MOST_SOURCES, PEOPLE_PER_PIECE } from "../bases/common/shared-runs.ts";
import { siteDictionary } from "./site-dictionary.ts";

/** Under which a dictionary has its immutable URL. */
export const DICTIONARY_PATH = "/.well-known/coilgun/dictionary-";
/** So long browsers keep it, and the edge one that another took the place of. Seconds. */
export const LIFE_S = 6 * 3_600;
/** Hosts that a setting names, others, and URLs of each, that are watched. */
const MOST_SITES = 64;
const MOST_UNNAMED = 16;
const MOST_URLS = 128;
/** URLs and templates that a dictionary is made of. */
const MOST_GROUPS = 12;
/** From one build to the next; doubles with each that had no more groups than one before, up to the longest. */
const FIRST_PAUSE_MS = 1_000;
/** Before a build, pages are noted for so long. */
const LEARNING_MS = 30_000;
const LONGEST_PAUSE_MS = 3_600_000;
const LEAST_BYTES = 1_024;
/** Of a new one, the part that the one in use has not: below, nobody need fetch it. */
const LEAST_NEWS = 0.02;
/** Memory that comparing takes, in sizes of its sources. */
const WORK_FACTOR = 4;

/** A dictionary as its URL has it, coded once. */
export interface Published {
  readonly name: Fingerprint;
  readonly path: string;
  readonly body: Buffer;
  readonly copies: Map<string, Buffer>;
}

/** The page of a visitor without any credential, which others may be told of. */
interface PublicVisit {
  readonly host: string;
  readonly keyId: string;
  readonly partition: Partition;
  readonly pageKey: PageKey;
  readonly version: Version;
  /** Those who may be one person. */
  readonly network: string;
}

interface SeenUrl {
  readonly template: string;
  /** The newest page of each network, the newest last. */
  readonly byNetwork: Map<string, Fingerprint>;
  visits: number;
}

interface Site {
  readonly urls: LRUCache<string, SeenUrl>;
  current: Published | undefined;
  /** What took the place of others within a life, the newest last. */
  before: { readonly published: Published; readonly until: number }[];
  nextBuildAt: number;
  pauseMs: number;
  /** Most that a build had. */
  groups: number;
  forgotten: boolean;
}

interface SiteDictionariesOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly store: VersionStore;
  readonly memory: MemoryBudget;
  /** As the store's. */
  readonly isNamed?: (host: string) => boolean;
}

export class SiteDictionaries {
  readonly #options: SiteDictionariesOptions;
  readonly #named = new LRUCache<string, Site>({ max: MOST_SITES });
  /** Visitors can make up any number of these: they take nothing from the others. */
  readonly #unnamed = new LRUCache<string, Site>({ max: MOST_UNNAMED });
  readonly #stopping = new AbortController();
  #building: Promise<void> | undefined;

  constructor(options: SiteDictionariesOptions) {
    this.#options = options;
  }

  /** What is published of this host at present. */
  of(host: string): Published | undefined {
    return this.#sitesFor(host).get(host)?.current;
  }

  /** By its name, the one in use or one before it. */
  find(host: string, matches: (published: Published) => boolean): Published | undefined {
    const site = this.#sitesFor(host).get(host);
    if (site === undefined) return undefined;
    if (site.current !== undefined && matches(site.current)) return site.current;
    const now = this.#options.clock.now();
    return site.before.find(({ published, until }) => until > now && matches(published))?.published;
  }

  /** Nothing that was published or noted of this host is known any more. */
  forget(host: string): void {
    // A reload may have named the host meanwhile, or not any more.
    for (const sites of [this.#named, this.#unnamed]) {
      const site = sites.get(host);
      if (site !== undefined) site.forgotten = true;
      sites.delete(host);
    }
  }

  /** Whether pages of this host are of use now: those seen long before a build are forgotten by then. */
  wants(host: string): boolean {
    const site = this.#sitesFor(host).peek(host);
    return site === undefined || this.#options.clock.now() >= site.nextBuildAt - LEARNING_MS;
  }

  /** Notes a page, and builds where that may help. */
  visited(visit: PublicVisit): void {
    const { host, network, version, pageKey } = visit;
    if (version.body.length > MOST_SOURCE_BYTES || this.#stopping.signal.aborted) return;
    const sites = this.#sitesFor(host);
    const site = sites.get(host) ?? newSite();
    sites.set(host, site);
    const seen = site.urls.get(pageKey.url) ?? {
      template: pageKey.templates[0] ?? pageKey.url,
      byNetwork: new Map<string, Fingerprint>(),
      visits: 0,
    };
    site.urls.set(pageKey.url, seen);
    seen.visits++;
    seen.byNetwork.delete(network);
    seen.byNetwork.set(network, version.fingerprint);
    const [oldest] = seen.byNetwork.keys();
    if (seen.byNetwork.size > MOST_SOURCES && oldest !== undefined) seen.byNetwork.delete(oldest);
    const { clock, log } = this.#options;
    if (this.#building !== undefined || clock.now() < site.nextBuildAt) return;
    const groups = groupsOf(site);
    if (groups.length === 0) return;
    this.#building = this.#build(visit, site, groups)
      .catch((error: unknown) => log.error("site dictionary failed", { error }))
      .finally(() => {
        this.#building = undefined;
        site.nextBuildAt = clock.now() + site.pauseMs;
      });
  }

  /** Makes nothing more; resolves when nothing is under way. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#building;
  }

  /** Resolves when nothing is being made. For tests. @internal */
  async idle(): Promise<void> {
    while (this.#building !== undefined) await this.#building;
  }

  #sitesFor(host: string): LRUCache<string, Site> {
    return this.#options.isNamed?.(host) === false ? this.#unnamed : this.#named;
  }

  async #build(
    { partition, host, keyId }: PublicVisit,
    site: Site,
    groups: readonly (readonly Fingerprint[])[],
  ): Promise<void> {
    const { store, memory, clock, log } = this.#options;
    const pages = groups
      .map((names) => names.flatMap((name) => store.find(partition, name)?.body ?? []))
      .filter((group) => group.length >= PEOPLE_PER_PIECE);
    const bytes = pages.flat().reduce((sum, page) => sum + page.length, 0);
    const lease = memory.lease(keyId);
    try {
      if (pages.length === 0 || !lease.grow(WORK_FACTOR * bytes)) return;
      const body = await inSlices(siteDictionary(pages), { clock, signal: this.#stopping.signal });
      if (groups.length <= site.groups) site.pauseMs = Math.min(LONGEST_PAUSE_MS, 2 * site.pauseMs);
      site.groups = Math.max(site.groups, groups.length);
      if (body === undefined || body.length < LEAST_BYTES || site.forgotten) return;
      const { current } = site;
      if (current !== undefined) {
        const news = await zstdCodec.encode([current.body], body);
        if (news.length < LEAST_NEWS * body.length || site.forgotten) return;
        site.before = [
          ...site.before.filter(({ until }) => until > clock.now()).slice(-1),
          { published: current, until: clock.now() + LIFE_S * 1_000 },
        ];
      }
      const name = fingerprintOf(body);
      const path = `${DICTIONARY_PATH}${Buffer.from(name, "latin1").toString("hex")}`;
      site.current = { name, path, body, copies: new Map() };
      log.info("site dictionary", { host, bytes: body.length, pages: pages.flat().length });
    } finally {
      lease.release();
    }
  }
}

const newSite = (): Site => ({
  urls: new LRUCache<string, SeenUrl>({ max: MOST_URLS }),
  current: undefined,
  before: [],
  nextBuildAt: 0,
  pauseMs: FIRST_PAUSE_MS,
  groups: 0,
  forgotten: false,
});

/** Pages of one URL, and one page a URL of each template, of different networks each; the most visited first. */
const groupsOf = ({ urls }: Site): readonly (readonly Fingerprint[])[] => {
  const groups: { readonly names: readonly Fingerprint[]; readonly visits: number }[] = [];
  const templates = new Map<string, { readonly byNetwork: Map<string, Fingerprint>; visits: number }>();
  for (const [, { template, byNetwork, visits }] of urls.entries()) {
    if (byNetwork.size >= PEOPLE_PER_PIECE) groups.push({ names: [...byNetwork.values()].reverse(), visits });
    const of = templates.get(template) ?? { byNetwork: new Map(), visits: 0 };
    templates.set(template, of);
    of.visits += visits;
    const other = [...byNetwork].reverse().find(([network]) => !of.byNetwork.has(network));
    if (other !== undefined) of.byNetwork.set(...other);
  }
  for (const { byNetwork, visits } of templates.values())
    if (byNetwork.size >= PEOPLE_PER_PIECE)
      groups.push({ names: [...byNetwork.values()].slice(0, MOST_SOURCES), visits });
  return groups
    .sort((a, b) => b.visits - a.visits)
    .slice(0, MOST_GROUPS)
    .map(({ names }) => names);
};
