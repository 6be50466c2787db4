/**
 * Why nothing was found to offer where something might have been: what the store knows of a page beyond what it offers. Asked for
 * the log, of answers that were whole alone. docs/operations.md explains the reasons.
 */
import type { NoBase } from "../../protocol/scope/no-base.ts";
import type { Version, VersionStore } from "../../protocol/store/version-store.ts";
import { type BasesWanted, chooseBases } from "./choose-bases.ts";

/** `page`: what this very answer brought. Undefined: the store had nothing, and let go of nothing lately. */
export const whyNoneFound = (
  store: VersionStore,
  wanted: BasesWanted,
  page: Version | undefined,
): NoBase | undefined => {
  const isOther = (version: Version): boolean => version !== page;
  if (wanted.ownOnly && chooseBases(store, { ...wanted, ownOnly: false }).some(isOther)) return "foreign";
  const { partition, pageKey, session, addressed } = wanted;
  for (const whose of [session, addressed, "public"] as const) {
    if (whose === undefined) continue;
    if (store.listed(partition, whose, pageKey.url).some(isOther)) return "other-origin-side";
    const loss = store.lost.why(partition, whose, pageKey.url);
    if (loss !== undefined) return loss;
  }
  return undefined;
};
