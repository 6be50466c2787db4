/**
 * Which versions are looked for in the tier below memory, while a request is on its way or before it goes on: those
 * that `chooseBases` would find in the lists of the page, where memory has none of its URL. SPEC section "Version
 * store".
 */
import { LATER_OFFERS } from "../../protocol/frames/frame.ts";
import type { Link } from "../../protocol/link/link-api.ts";
import type { Credentials } from "../../protocol/scope/credentials.ts";
import type { ScopeRules } from "../../protocol/scope/scope.ts";
import { commonName } from "../../protocol/store/common-base-name.ts";
import type { ScopeKey } from "../../protocol/store/page-index.ts";
import type { PageKey } from "../../protocol/store/page-key.ts";
import { partitionOf } from "../../protocol/store/partition.ts";
import type { StoreId } from "../../protocol/store/version-store.ts";
import type { StoredList } from "../../protocol/tier/lower-tier.ts";
import type { TieredStore } from "../../protocol/tier/tiered-store.ts";

interface BasesAsked {
  readonly link: Pick<Link, "keyId" | "peer">;
  readonly host: string;
  readonly pageKey: PageKey;
  readonly credentials: Credentials;
  readonly rules: Pick<ScopeRules, "bases" | "commonBases">;
}

/** Whether offers may be told behind the request, which does not wait for them then. A body would go before them. */
export const offersMayFollow = (
  { peer }: Pick<Link, "peer">,
  { hasBody, upgrade }: { readonly hasBody: boolean; readonly upgrade: string | undefined },
): boolean => !hasBody && upgrade === undefined && peer.features.includes(LATER_OFFERS);

/** Undefined where there is nothing to wait for. */
export const fetchBases = (store: TieredStore, asked: BasesAsked): Promise<void> | undefined => {
  const { bases, commonBases } = asked.rules;
  if (bases === "off") return undefined;
  const { link, host, pageKey, credentials } = asked;
  const partition = partitionOf({ keyId: link.keyId, host });
  const peerStore = link.peer.storeId as StoreId;
  const own = store.holdsSessions ? credentials.session : undefined;
  const whose: readonly ScopeKey[] = own === undefined ? ["public"] : [own, "public"];
  const isHere = whose.some((each) => store.listed(partition, each, pageKey.url, peerStore).length > 0);
  if (isHere) return undefined;
  const listsOf = (key: string) => whose.map((scopeKey) => ({ scopeKey, key }));
  const commonOf = (key: string): StoredList[] =>
    commonBases ? [{ scopeKey: "public", key: commonName(key) }] : [];
  const templates = bases === "url" ? [] : pageKey.templates;
  return store.fetchListed(partition, listsOf(pageKey.url), peerStore, [
    ...commonOf(pageKey.url),
    ...templates.flatMap((key) => [...listsOf(key), ...commonOf(key)]),
  ]);
};
