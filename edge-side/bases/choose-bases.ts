/**
 * Which versions the edge offers as bases for a page: MAX_OFFERS, best last, since the end of a dictionary is cheapest
 * to refer to. Versions of the same URL are best; other pages of its templates, those at URLs like it first, fill what
 * is left, which was never worse in bytes and often halves a delta. One of the offers is the visitor's own, if there is
 * one, and where none is of the URL, up to four more are. Data (JSON, feeds) is offered pages that show it. Only what
 * this visitor may build on, and what the peer holds too. A few map look-ups: this runs for every request. SPEC section
 * "Offers".
 */

import { MOST_OFFERS } from "../../protocol/frames/frame.ts";
import type { SessionKey } from "../../protocol/scope/credentials.ts";
import type { BasesPolicy } from "../../protocol/scope/scope.ts";
import { commonName } from "../../protocol/store/common-base-name.ts";
import { MAX_OFFERS, type ScopeKey } from "../../protocol/store/page-index.ts";
import type { PageKey } from "../../protocol/store/page-key.ts";
import type { Partition } from "../../protocol/store/partition.ts";
import { isOnlyFor, sessionThatFinds } from "../../protocol/store/stored-version.ts";
import type { StoreId, Version, VersionStore } from "../../protocol/store/version-store.ts";

export interface BasesWanted {
  readonly partition: Partition;
  readonly pageKey: PageKey;
  /** The visitor's session; undefined for one who shows no credentials. */
  readonly session: SessionKey | undefined;
  /** Who shows no secret, by the address: what others there may have been sent is offered too. */
  readonly addressed?: SessionKey | undefined;
  readonly bases: BasesPolicy;
  /** Only the session's own: somebody else may have chosen the text of all others. */
  readonly ownOnly?: boolean;
  /** Whether common bases are offered too. */
  readonly commonBases: boolean;
  /** The store of the origin side that will answer. */
  readonly peerStore: StoreId;
}

/** The bases to offer, best last. Each counts as used; holding them keeps them usable until the exchange ends. */
export function chooseBases(store: VersionStore, wanted: BasesWanted): Version[] {
  const { partition, pageKey, bases, commonBases, peerStore, ownOnly = false } = wanted;
  if (bases === "off") return [];
  const best: Version[] = [];

  // The same short form twice is the same version twice, or two that the origin side could not tell apart.
  const isOffered = (version: Version): boolean => best.some(({ short }) => short === version.short);
  const offer = (version: Version | undefined, most = MAX_OFFERS): void => {
    if (version !== undefined && best.length < most && !isOffered(version)) best.push(version);
  };

  const found = (whose: ScopeKey | undefined, key: string): readonly Version[] =>
    whose === undefined ? NONE : store.listed(partition, whose, key, peerStore, pageKey.url);
  const keys = bases === "url" ? [pageKey.url] : [pageKey.url, ...pageKey.templates];
  let ofOthersOnly = true;
  let isFirst = false;
  for (const key of keys) {
    if (best.length === MAX_OFFERS) break;
    const own = found(wanted.session, key);
    const near = ownOnly ? NONE : found(wanted.addressed, key);
    const everybodys = ownOnly ? NONE : found("public", key);
    ofOthersOnly &&= own.length + near.length === 0;
    if (key === pageKey.url) isFirst = own.length + near.length + everybodys.length === 0;
    // Newest first, the visitor's own and everybody's in turn: own ones are closer, everybody's may be newer.
    const longest = Math.max(own.length, near.length, everybodys.length);
    const offerCommon = (): void => {
      if (best.length === MAX_OFFERS || !commonBases || ownOnly) return;
      for (const made of store.listed(partition, "public", commonName(key), peerStore).reverse()) offer(made);
    };
    for (let age = 1; age <= longest; age++) {
      offer(own.at(-age));
      offer(near.at(-age));
      offer(everybodys.at(-age));
      // What only those who are signed in see is in no older page of everybody's.
      if (age === 1 && own.length === 0 && wanted.session !== undefined) offerCommon();
    }
    // Behind the visitor's own, which have what is theirs alone too.
    offerCommon();
  }
  // What a site shows of its visitor (name, menus, tokens) stands on pages of other templates too, and never on everybody's.
  if (best.length === MAX_OFFERS && (isFirst || ofOthersOnly)) {
    const visitors = keys.flatMap((key) => found(wanted.session ?? wanted.addressed, key).toReversed());
    // Some may be everybody's too, and offered as such.
    if (!isFirst && visitors.length > 0 && !visitors.some(isOffered)) best.pop();
    for (const version of visitors) offer(version, isFirst ? MOST_OFFERS : MAX_OFFERS);
  }
  // The words of data stand on the pages that show it, though nothing of its form does: the newest of these, and more
  // where there is nothing else.
  const showing = bases === "url" ? undefined : pageKey.showing;
  if (showing !== undefined) {
    const most = best.length === 0 ? MAX_OFFERS : Math.min(MAX_OFFERS, best.length + 1);
    for (const whose of whoseShow(wanted))
      for (const version of found(whose, showing).toReversed()) offer(version, most);
  }
  store.useAll(best);
  return best.reverse();
}

/** Of a session only its own: what is chosen with a look at everybody's is padded, which data is too small for. */
const whoseShow = ({ session, addressed, ownOnly }: BasesWanted): readonly (ScopeKey | undefined)[] =>
  session !== undefined || ownOnly ? [session] : [addressed, "public"];

/** Which offers are not the session's own: bit i is set for offer i. */
export const offersOfOthers = (offered: readonly Version[], session: SessionKey | undefined): number =>
  offered.reduce((bits, each, i) => (sessionThatFinds(each) === session ? bits : bits | (1 << i)), 0);

/** Of which offers others at the address may have been sent the pages: bit i is set for offer i. */
export const offersOfAddress = (offered: readonly Version[], addressed: SessionKey): number =>
  offered.reduce((bits, each, i) => (isOnlyFor(each, addressed) ? bits | (1 << i) : bits), 0);

const NONE: readonly never[] = [];
