/**
 * Where one partition's versions are found: by URL and by template, apart for each audience, so that a thousand sessions
 * on one URL do not push each other out. Every list keeps the newest few. What falls out of all its lists is reported,
 * and lists that become empty are gone. SPEC section "Bases".
 */
import type { SessionKey } from "../scope/credentials.ts";

/** Who finds a version: everyone, or one session. */
export type ScopeKey = "public" | SessionKey;

/** Most bases a request offers, but for a visitor's first one of a URL: measured, the fourth still gains a little. */
export const MAX_OFFERS = 4;
/**
 * Versions kept per URL and audience: as many as one request offers.
 * @alias
 * @internal
 */
export const KEPT_PER_URL = MAX_OFFERS;
/** Pages (the newest version of each) kept per template and audience: some are of other peers, or the URL asked for. */
export const KEPT_PER_TEMPLATE = 8;

/** What the index needs of a version: the places it stands in, written by the index alone. */
export interface Indexed<V> {
  places: Place<V>[];
}

/** One version as one page of one audience. */
export interface Place<V> {
  readonly version: V;
  readonly audience: Audience<V>;
  readonly url: string;
  /** The lists it still stands in. */
  lists: PlaceList<V>[];
}

interface PlaceList<V> {
  /** A URL or a template. */
  readonly key: string;
  /** Oldest first. */
  readonly places: Place<V>[];
}

/** Who finds some versions, and where. */
export interface Audience<V> {
  scopeKey: ScopeKey;
  /** Lists of URLs and of templates in one map: a template has a space in it, which no URL can have. */
  readonly lists: Map<string, PlaceList<V>>;
  /** Exchanges of it that are under way. */
  exchanges: number;
  /** It goes on under another name; what is here is for those exchanges only. */
  isLeft: boolean;
}

/** Lists that a session takes over while others of the old one's exchanges are under way: each is copied. */
const MOST_INHERITED = 64;

export interface Page {
  readonly scopeKey: ScopeKey;
  readonly url: string;
  readonly templates: readonly string[];
}

export class PageIndex<V extends Indexed<V>> {
  readonly #audiences = new Map<ScopeKey, Audience<V>>();

  /**
   * What an audience finds under a URL (its versions) or a template (the newest version of each page), newest last.
   * Valid until the index changes.
   */
  find(scopeKey: ScopeKey, key: string): readonly Place<V>[] {
    return this.#audiences.get(scopeKey)?.lists.get(key)?.places ?? NONE;
  }

  /** Makes `version` the newest of its URL and templates for an audience; returns the versions left in no list at all. */
  place(version: V, page: Page): V[] {
    const audience = this.#audiences.get(page.scopeKey) ?? this.#begin(page.scopeKey);
    const { lists } = audience;
    const known = lists.get(page.url);
    const place =
      known?.places.find((other) => other.version === version) ??
      newPlace(version, audience, known?.key ?? ownString(page.url));

    const unlisted: V[] = [];
    const ofUrl = stand(place, page.url);
    if (ofUrl.places.length > KEPT_PER_URL) leave(ofUrl, 0, unlisted);
    for (const template of page.templates) {
      const list = stand(place, template);
      // One version a page: eight versions of one page would make poor bases for another.
      const before = list.places.findIndex((other) => other.url === place.url && other !== place);
      if (before >= 0) leave(list, before, unlisted);
      else if (list.places.length > KEPT_PER_TEMPLATE) leave(list, 0, unlisted);
    }
    return unlisted;
  }

  /** Takes a version, or some of its places, out of every list. */
  remove(version: V, places: readonly Place<V>[] = version.places.slice()): void {
    for (const place of places) {
      const { lists, scopeKey } = place.audience;
      for (const { key, places } of place.lists) {
        places.splice(places.indexOf(place), 1);
        if (places.length === 0) lists.delete(key);
      }
      if (lists.size === 0) this.#audiences.delete(scopeKey);
      place.lists = [];
      withdraw(place);
    }
  }

  /** An exchange of this audience begins; undefined where nothing is found. */
  enter(scopeKey: ScopeKey): Audience<V> | undefined {
    const audience = this.#audiences.get(scopeKey);
    if (audience !== undefined) audience.exchanges++;
    return audience;
  }

  /** It is over; returns the versions that stood in a list for nothing else. */
  leave(audience: Audience<V>): readonly V[] {
    audience.exchanges--;
    return audience.exchanges === 0 && audience.isLeft ? this.#end(audience) : NONE;
  }

  /**
   * What `from` finds is found by `to`, for which there must be nothing yet; by `from` only as long as other exchanges of it are
   * under way. Of undefined: nothing is found by `to` any more. Returns the versions whose places have changed.
   */
  inherit(from: ScopeKey | undefined, to: ScopeKey): readonly V[] {
    const there = this.#audiences.get(to);
    if (from === undefined) return there === undefined ? NONE : this.#end(there);
    const audience = this.#audiences.get(from);
    if (audience === undefined || there !== undefined) return NONE;
    // The exchange that says so is one of them.
    if (audience.exchanges > 1) {
      audience.isLeft = true;
      return this.#copy(audience, this.#begin(to));
    }
    this.#audiences.delete(from);
    audience.scopeKey = to;
    this.#audiences.set(to, audience);
    return NONE;
  }

  #begin(scopeKey: ScopeKey): Audience<V> {
    const audience: Audience<V> = { scopeKey, lists: new Map(), exchanges: 0, isLeft: false };
    this.#audiences.set(scopeKey, audience);
    return audience;
  }

  #end(audience: Audience<V>): readonly V[] {
    const places = new Set([...audience.lists.values()].flatMap((list) => list.places));
    for (const place of places) this.remove(place.version, [place]);
    return [...places].map(({ version }) => version);
  }

  #copy(from: Audience<V>, to: Audience<V>): readonly V[] {
    const copies = new Map<Place<V>, Place<V>>();
    for (const list of [...from.lists.values()].slice(-MOST_INHERITED))
      for (const place of list.places) {
        const copy = copies.get(place) ?? newPlace(place.version, to, place.url);
        copies.set(place, copy);
        stand(copy, list.key);
      }
    return [...copies.values()].map(({ version }) => version);
  }

  /** What is held, for tests and metrics; all are zero when no version is. */
  get sizes(): { readonly scopeKeys: number; readonly lists: number; readonly entries: number } {
    const lists = [...this.#audiences.values()].flatMap((audience) => [...audience.lists.values()]);
    const entries = lists.reduce((sum, { places }) => sum + places.length, 0);
    return { scopeKeys: this.#audiences.size, lists: lists.length, entries };
  }
}

const NONE: readonly never[] = [];

// Arrays below start as literals and grow by copies: they mostly hold one entry, and an empty array that is pushed to
// takes room for 17 (a third of what is kept beside a small page, measured).

/** Shares the URL's string with its list, so that it is held once however many versions it has. */
function newPlace<V extends Indexed<V>>(version: V, audience: Audience<V>, url: string): Place<V> {
  const place: Place<V> = { version, audience, url, lists: [] };
  version.places = [...version.places, place];
  return place;
}

/** A copy with its own characters: a slice would keep alive the whole text it was cut from. */
const ownString = (text: string): string => Buffer.from(text).toString();

/** Puts a place at the new end of the list of that key, which is made when there is none. */
function stand<V>(place: Place<V>, key: string): PlaceList<V> {
  const { lists } = place.audience;
  const known = lists.get(key);
  if (known === undefined) {
    const list = { key: key === place.url ? place.url : ownString(key), places: [place] };
    lists.set(list.key, list);
    place.lists = [...place.lists, list];
    return list;
  }
  const { places } = known;
  if (places.at(-1) === place) return known;
  const at = places.indexOf(place);
  if (at >= 0) places.splice(at, 1);
  else place.lists = [...place.lists, known];
  places.push(place);
  return known;
}

/** Takes a place out of a list. A version that this left in none is added to `unlisted`. */
function leave<V extends Indexed<V>>(list: PlaceList<V>, at: number, unlisted: V[]): void {
  const [place] = list.places.splice(at, 1);
  if (place === undefined) return;
  place.lists = place.lists.filter((other) => other !== list);
  if (withdraw(place) && place.version.places.length === 0) unlisted.push(place.version);
}

/** Ends a place that stands in no list; whether it did. */
function withdraw<V extends Indexed<V>>(place: Place<V>): boolean {
  const { version } = place;
  if (place.lists.length > 0 || !version.places.includes(place)) return false;
  version.places = version.places.filter((other) => other !== place);
  return true;
}
