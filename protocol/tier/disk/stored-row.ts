/**
 * A version as it stands in a row of the file: its body compressed, and sealed with its place where it is a session's. What is read
 * is compared with its fingerprint. SPEC section "Version store".
 */
import type { KeyObject } from "node:crypto";
import { constants, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { type Fingerprint, fingerprintOf } from "../../store/fingerprint.ts";
import type { Partition } from "../../store/partition.ts";
import { MOST_STORES, type StoreId } from "../../store/stored-version.ts";
import type { StoredPlace, StoredVersion } from "../lower-tier.ts";
import { seal, unseal } from "../sealed.ts";

/** 40 KB take 0.1 ms; the next level gains a tenth and takes twice that. */
const LEVEL = { params: { [constants.ZSTD_c_compressionLevel]: 1 } };
const STORE_ID_BYTES = 16;
/** The largest body that is put together again: as large as `limits.pageBytes` may be. */
const MOST_BODY_BYTES = 256 * 1024 * 1024;

export const writtenBody = ({ partition, fingerprint, body }: StoredVersion, key: KeyObject | undefined) => {
  const coded = zstdCompressSync(body, LEVEL);
  return key === undefined ? coded : seal(key, coded, `body ${partition}${fingerprint}`);
};

export const writtenPlace = (
  { partition, fingerprint, place }: StoredVersion,
  key: KeyObject | undefined,
) => {
  const text = Buffer.from(JSON.stringify(place), "utf8");
  return key === undefined ? text : seal(key, text, `place ${partition}${fingerprint}`);
};

export const writtenStores = (stores: Iterable<StoreId>): Buffer =>
  Buffer.from([...new Set(stores)].slice(-MOST_STORES).join(""), "latin1");

/** None in what is no bytes: the row is damaged. */
export const storesIn = (stores: unknown): StoreId[] => {
  const text = stores instanceof Uint8Array ? Buffer.from(stores).toString("latin1") : "";
  return Array.from(
    { length: Math.floor(text.length / STORE_ID_BYTES) },
    (_, at) => text.slice(at * STORE_ID_BYTES, (at + 1) * STORE_ID_BYTES) as StoreId,
  );
};

/** Undefined for what cannot be read, or is not what it says. `keyOf`: undefined for a key that is gone. */
export const versionIn = (
  partition: Partition,
  row: Readonly<Record<string, unknown>>,
  keyOf: (id: number) => KeyObject | undefined,
): StoredVersion | undefined => {
  if (!(row.fingerprint instanceof Uint8Array && row.stores instanceof Uint8Array)) return undefined;
  const fingerprint = Buffer.from(row.fingerprint).toString("latin1") as Fingerprint;
  const key = row.key === null ? undefined : keyOf(Number(row.key));
  const open = (bytes: unknown, what: string): Uint8Array | undefined => {
    if (!(bytes instanceof Uint8Array)) return undefined;
    if (row.key === null) return bytes;
    return key && unseal(key, bytes, `${what} ${partition}${fingerprint}`);
  };
  try {
    const [coded, text] = [open(row.body, "body"), open(row.about, "place")];
    if (coded === undefined || text === undefined) return undefined;
    // In memory of its own, so that it can be handed to another thread.
    const body = new Uint8Array(zstdDecompressSync(coded, { maxOutputLength: MOST_BODY_BYTES }));
    if (fingerprintOf(body) !== fingerprint) return undefined;
    const place: unknown = JSON.parse(Buffer.from(text).toString("utf8"));
    if (!isPlace(place)) return undefined;
    const retention = row.key === null ? "keep" : "session";
    return { partition, fingerprint, body, stores: storesIn(row.stores), retention, place };
  } catch {
    return undefined;
  }
};

/** Of public pages it stands in the file as it is, and nothing but this says whether it was damaged. */
const isPlace = (value: unknown): value is StoredPlace => {
  const { scopeKey, url, templates } = (value ?? {}) as Readonly<Record<string, unknown>>;
  if (typeof scopeKey !== "string" || typeof url !== "string" || !Array.isArray(templates)) return false;
  return templates.every((template) => typeof template === "string");
};
