/**
 * How a response travels: passed as it is, or as same, delta or whole. The choice costs no byte of the body where the head
 * decides it. SPEC section "Answers".
 */
import type { Codec } from "../../protocol/codec/codec.ts";
import { isCompressed, isCompressible, isEventStream } from "../../protocol/http/compressible.ts";
import { fieldOf, isBodiless, type RequestHead, type ResponseHead } from "../../protocol/http/head.ts";
import { isCoded } from "../../protocol/http/representation.ts";
import { onceFor } from "../../protocol/runtime/once-for.ts";
import type { Fingerprint, ShortFingerprint } from "../../protocol/store/fingerprint.ts";
import type { Partition } from "../../protocol/store/partition.ts";
import type { Version, VersionStore } from "../../protocol/store/version-store.ts";

/** `passed`: as it is. `coded`: worth a delta. `by its bytes`: its type says nothing, its first bytes may. */
type Travel = "passed" | "coded" | "by its bytes";

/** Shorter bodies gain nothing over their digest. @internal */
export const LEAST_CODED_BYTES = 64;

const PARTIAL = 206;

export const howItTravels = (request: RequestHead, head: ResponseHead): Travel =>
  request.method === "HEAD" ? "passed" : howBodyTravels(head);

const howBodyTravels = onceFor(({ status, fields }: ResponseHead): Travel => {
  const type = fieldOf(fields, "content-type") ?? "";
  if (isBodiless(status) || status === PARTIAL) return "passed";
  // Each event goes on by itself, as it comes.
  if (isCoded(fields) || isCompressed(type) || isEventStream(type)) return "passed";
  const length = Number(fieldOf(fields, "content-length") ?? Number.POSITIVE_INFINITY);
  if (length < LEAST_CODED_BYTES) return "passed";
  return isCompressible(type) ? "coded" : "by its bytes";
});

/** A version that the request offered and this side holds too. */
export interface UsableBase {
  /** Its number among the offers. */
  readonly offer: number;
  readonly version: Version;
}

/** The offered versions that this side knows, in the order of the offers: best last. */
export const usableBases = (
  store: VersionStore,
  partition: Partition,
  offers: readonly string[],
): readonly UsableBase[] => {
  const bases: UsableBase[] = [];
  for (const [offer, version] of store
    .allNominated(partition, offers as readonly ShortFingerprint[])
    .entries())
    if (version !== undefined) bases.push({ offer, version });
  return bases;
};

/** Whether whole units of it alone are copied: others at the visitor's address may have been sent it. */
export const isOfAddress = (
  { wholeUnits }: { readonly wholeUnits: number },
  { offer }: UsableBase,
): boolean => (wholeUnits & (1 << offer)) !== 0;

export const sameAs = (bases: readonly UsableBase[], fingerprint: Fingerprint): UsableBase | undefined =>
  bases.find(({ version }) => version.fingerprint === fingerprint);

/** The best of them that the codec accepts and that fit together with a page of `pageBytes`. */
export const fittingBases = (
  codec: Codec,
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

/** Bit i set: offer i is a base. */
export const offersMask = (bases: readonly UsableBase[]): number =>
  bases.reduce((mask, { offer }) => mask | (1 << offer), 0);
