/** What an answer builds on: of the offered versions those that are held here, and that fit. SPEC section "Answers". */
import type { Codec } from "../../../protocol/codec/codec.ts";
import type { NoBase } from "../../../protocol/scope/no-base.ts";
import type { Fingerprint } from "../../../protocol/store/fingerprint.ts";
import type { Partition } from "../../../protocol/store/partition.ts";
import type { Version, VersionStore } from "../../../protocol/store/version-store.ts";

/** A version that the request offered and this side holds too. */
export interface UsableBase {
  /** Its number among the offers. */
  readonly offer: number;
  readonly version: Version;
}

/**
 * What a request offered when it arrived, and of each the version that this side knew then: usable until the answer is chosen, though
 * it give way meanwhile.
 */
export interface Nominated {
  readonly offers: readonly string[];
  readonly versions: readonly (Version | undefined)[];
}

/** The offered versions that this side knows, or knew when the request arrived, in the order of the offers: best last. */
export const usableBases = (
  store: VersionStore,
  partition: Partition,
  offers: readonly string[],
  arrived: Nominated,
): readonly UsableBase[] => {
  // Offers that followed take the place of those in the request.
  const before = arrived.offers === offers ? arrived.versions : [];
  const isAll = before.length === offers.length && !before.includes(undefined);
  const now = isAll ? before : store.nominated(partition, offers);
  const bases: UsableBase[] = [];
  for (let offer = 0; offer < now.length; offer++) {
    const version = now[offer] ?? before[offer];
    if (version !== undefined) bases.push({ offer, version });
  }
  return bases;
};

/** Those of which others at the visitor's address have been sent nothing: of all others whole units alone are copied. */
export const notOfAddress = (
  { wholeUnits }: { readonly wholeUnits: number },
  bases: readonly UsableBase[],
): readonly UsableBase[] =>
  wholeUnits === 0 ? bases : bases.filter(({ offer }) => (wholeUnits & (1 << offer)) === 0);

/** The base that is this very page; undefined: none is. */
export const sameAs = (bases: readonly UsableBase[], fingerprint: Fingerprint): UsableBase | undefined =>
  bases.find(({ version }) => version.fingerprint === fingerprint);

/** The best of them that the codec accepts and that fit together with a page of `pageBytes`. */
export const fittingBases = (
  codec: Pick<Codec, "accepts" | "fits">,
  bases: readonly UsableBase[],
  pageBytes: number,
): readonly UsableBase[] => {
  const accepted = bases.filter(({ version }) => codec.accepts(version.body));
  let bytes = accepted.reduce((sum, { version }) => sum + version.body.length, 0);
  let from = 0;
  while (from < accepted.length && !codec.fits(bytes, pageBytes))
    bytes -= accepted[from++]?.version.body.length ?? 0;
  return accepted.slice(from);
};

/**
 * Why a whole answer builds on nothing though versions were offered, as far as sizes tell; undefined where none were: the edge
 * says why. `fitting`: those of the `held` ones that the codec takes.
 */
export const whyUnused = (
  { offers }: { readonly offers: readonly string[] },
  held: readonly UsableBase[],
  fitting: readonly UsableBase[],
  otherwise: NoBase,
): NoBase | undefined => {
  if (offers.length === 0) return undefined;
  if (held.length === 0) return "not-held";
  return fitting.length === 0 ? "too-large" : otherwise;
};

/** Bit i set: offer i is a base. */
export const offersMask = (bases: readonly UsableBase[]): number =>
  bases.reduce((mask, { offer }) => mask | (1 << offer), 0);
