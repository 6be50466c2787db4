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
/** Shorter ones gain little. @internal */
export const LEAST_GIVEN_CHARS = 32;

interface Given {
  readonly streamId: number;
  readonly pairs: readonly string[];
}

/** Which answer gave a cookie: so many streams ago, and its number among those it gave. */
export type GivenBy = readonly [distance: number, nth: number];

export class GivenCookies {
  readonly #ring: (Given | undefined)[] = [];
  /** Of the side that sends requests: where each pair was last given. */
  readonly #places: Map<string, Given> | undefined;
  #newest = 0;

  constructor(side: { readonly asks: boolean }) {
    this.#places = side.asks ? new Map() : undefined;
  }

  /** An answer crossed, as this side wrote or read it. */
  answered(streamId: number, head: HeaderList): void {
    const pairs = pairsOf(head);
    if (pairs.length === 0) return;
    const place = streamId % REACH_STREAMS;
    const before = this.#ring[place];
    const given = { streamId, pairs };
    this.#ring[place] = given;
    if (this.#places === undefined) return;
    for (const pair of before?.pairs ?? []) if (this.#places.get(pair) === before) this.#places.delete(pair);
    for (const pair of pairs) this.#places.set(pair, given);
  }

  /** To be asked while the request of this stream is written: what is said of `pair` in its place. */
  find(streamId: number, pair: string): GivenBy | undefined {
    this.#newest = Math.max(this.#newest, streamId);
    const given = pair.length < LEAST_GIVEN_CHARS ? undefined : this.#places?.get(pair);
    if (given === undefined || given.streamId >= streamId) return undefined;
    if (this.#newest - given.streamId >= REACH_STREAMS) return undefined;
    return [streamId - given.streamId, given.pairs.indexOf(pair)];
  }

  /** Throws LinkError where no such answer is known. */
  at(streamId: number, [distance, nth]: GivenBy): string {
    const wanted = streamId - distance;
    const given = this.#ring[((wanted % REACH_STREAMS) + REACH_STREAMS) % REACH_STREAMS];
    const pair = given?.streamId === wanted ? given.pairs[nth] : undefined;
    if (pair === undefined)
      throw new LinkError("header-table", `no cookie ${nth} of ${distance} streams ago`);
    return pair;
  }
}

const SET_COOKIE = /^set-cookie$/i;
const NO_PAIRS: readonly string[] = [];

/** What a visitor sends back: the text before the first semicolon, of values long enough, as many as there is room for. */
const pairsOf = (head: HeaderList): readonly string[] => {
  let pairs: string[] | undefined;
  let room = MOST_GIVEN_CHARS;
  for (let i = 0; i + 1 < head.length; i += 2) {
    if (head[i]?.length !== 10 || !SET_COOKIE.test(head[i] as string)) continue;
    const value = head[i + 1] as string;
    const end = value.indexOf(";");
    const pair = end < 0 ? value : value.slice(0, end);
    if (pair.length < LEAST_GIVEN_CHARS || pair.length > room) continue;
    room -= pair.length;
    pairs ??= [];
    pairs.push(pair);
  }
  return pairs ?? NO_PAIRS;
};
