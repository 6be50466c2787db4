/**
 * The cookies that answers of one link gave, by the number of their streams: a visitor brings each back with the next request, which
 * then names the answer in place of the value. Both sides note the same cookies in the same places, and a place is taken again only by
 * an answer to a request that comes after all that may name the old one. SPEC section "Given cookies".
 */
import { LinkError } from "../errors.ts";
import type { HeaderList } from "../http/header-list.ts";

/** In hello: cookies that answers gave are named, and Set-Cookie travels in parts. */
export const GIVEN_COOKIES = "given-cookies";

/** A request names answers to this many streams before the newest at most. @internal */
export const REACH_STREAMS = 1024;
/** Of one answer, in characters: with REACH_STREAMS a megabyte for a link. @internal */
export const MOST_GIVEN_CHARS = 1024;
/** For those of an answer that this leaves no room for: as many streams, and characters, make one megabyte more. @internal */
export const REACH_STREAMS_LONG = 128;
/** @internal */
export const MOST_GIVEN_CHARS_LONG = 8192;
/** Shorter ones gain little. @internal */
export const LEAST_GIVEN_CHARS = 32;

interface Given {
  readonly streamId: number;
  readonly pairs: readonly string[];
  /** How many pairs were numbered before these. */
  readonly first: number;
}

/** Which answer gave a cookie: so many streams ago, and its number among those it gave. */
export type GivenBy = readonly [distance: number, nth: number];

/** What the answers to the newest streams gave, each in the place of its stream's number. */
class Places {
  readonly #reach: number;
  readonly #given: (Given | undefined)[] = [];
  /** Of the side that sends requests: where each pair was last given. */
  readonly #byPair: Map<string, Given> | undefined;

  constructor(reach: number, asks: boolean) {
    this.#reach = reach;
    this.#byPair = asks ? new Map() : undefined;
  }

  put(given: Given): void {
    if (given.pairs.length === 0) return;
    const place = given.streamId % this.#reach;
    const before = this.#given[place];
    this.#given[place] = given;
    if (this.#byPair === undefined) return;
    for (const pair of before?.pairs ?? []) if (this.#byPair.get(pair) === before) this.#byPair.delete(pair);
    for (const pair of given.pairs) this.#byPair.set(pair, given);
  }

  find(streamId: number, pair: string, newest: number): GivenBy | undefined {
    const given = this.#byPair?.get(pair);
    if (given === undefined || given.streamId >= streamId) return undefined;
    if (newest - given.streamId >= this.#reach) return undefined;
    return [streamId - given.streamId, given.first + given.pairs.indexOf(pair)];
  }

  at(streamId: number, nth: number): string | undefined {
    const given = this.#given[((streamId % this.#reach) + this.#reach) % this.#reach];
    return given?.streamId === streamId ? given.pairs[nth - given.first] : undefined;
  }
}

export class GivenCookies {
  readonly #places: Places;
  readonly #long: Places;
  readonly #namesLong: boolean;
  #newest = 0;

  /** `longCookies`: both sides name them. */
  constructor({ asks, longCookies = false }: { readonly asks: boolean; readonly longCookies?: boolean }) {
    this.#namesLong = longCookies;
    this.#places = new Places(REACH_STREAMS, asks);
    this.#long = new Places(REACH_STREAMS_LONG, asks && longCookies);
  }

  /** An answer crossed, as this side wrote or read it. */
  answered(streamId: number, head: HeaderList): void {
    const all = pairsOf(head);
    if (all === undefined) return;
    const pairs = inRoom(all, MOST_GIVEN_CHARS);
    const first = pairs.length;
    this.#places.put({ streamId, pairs, first: 0 });
    if (!this.#namesLong || first === all.length) return;
    const others = all.filter((pair) => !pairs.includes(pair));
    this.#long.put({ streamId, pairs: inRoom(others, MOST_GIVEN_CHARS_LONG), first });
  }

  /** To be asked while the request of this stream is written: what is said of `pair` in its place. */
  find(streamId: number, pair: string): GivenBy | undefined {
    this.#newest = Math.max(this.#newest, streamId);
    if (pair.length < LEAST_GIVEN_CHARS) return undefined;
    const found = this.#places.find(streamId, pair, this.#newest);
    if (found !== undefined || !this.#namesLong) return found;
    return this.#long.find(streamId, pair, this.#newest);
  }

  /** Throws LinkError where no such answer is known. */
  at(streamId: number, [distance, nth]: GivenBy): string {
    const wanted = streamId - distance;
    const pair = this.#places.at(wanted, nth) ?? this.#long.at(wanted, nth);
    if (pair === undefined)
      throw new LinkError("header-table", `no cookie ${nth} of ${distance} streams ago`);
    return pair;
  }
}

const SET_COOKIE = /^set-cookie$/i;

/** What a visitor sends back: the text before the first semicolon, of values long enough. */
const pairsOf = (head: HeaderList): readonly string[] | undefined => {
  let pairs: string[] | undefined;
  for (let i = 0; i + 1 < head.length; i += 2) {
    if (head[i]?.length !== 10 || !SET_COOKIE.test(head[i] as string)) continue;
    const value = head[i + 1] as string;
    const end = value.indexOf(";");
    const pair = end < 0 ? value : value.slice(0, end);
    if (pair.length < LEAST_GIVEN_CHARS) continue;
    pairs ??= [];
    pairs.push(pair);
  }
  return pairs;
};

/** As many as there is room for. */
const inRoom = (pairs: readonly string[], chars: number): readonly string[] => {
  let room = chars;
  return pairs.filter(({ length }) => {
    const fits = length <= room;
    if (fits) room -= length;
    return fits;
  });
};
