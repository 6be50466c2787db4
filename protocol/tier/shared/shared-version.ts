/**
 * A version as a value of the shared store: compressed once and sealed with its place; and as an entry of a list, sealed with when it
 * was seen. Partition, scope and name are associated data, so that who can write the store moves none elsewhere. What is read is
 * compared with its fingerprint. SPEC section "Version store".
 */
import { promisify } from "node:util";
import {
  constants,
  createZstdCompress,
  createZstdDecompress,
  zstdCompress,
  zstdDecompressSync,
} from "node:zlib";
import { reusedUnzstd, reusedZstd } from "../../codec/reused-zstd.ts";
import { type Fingerprint, fingerprintOf } from "../../store/fingerprint.ts";
import type { Partition } from "../../store/partition.ts";
import type { StoreId } from "../../store/stored-version.ts";
import type { StoredPlace, StoredVersion } from "../lower-tier.ts";
import { seal, unseal } from "../sealed.ts";
import {
  HEADER_BYTES,
  isSealedWith,
  NAME_BYTES,
  type PartitionNames,
  type ScopeSeal,
} from "./partition-names.ts";

const LEVEL = 1;
const levelOf = (level: number) => ({ params: { [constants.ZSTD_c_compressionLevel]: level } });
const LENGTH_BYTES = 4;
const SEEN_BYTES = 8;

/** What is larger takes longer than its way to the thread pool and back. */
const MOST_INLINE_BYTES = 128 * 1024;
const inline = reusedZstd((level) => createZstdCompress(levelOf(level)), MOST_INLINE_BYTES);
const inflate = reusedUnzstd(createZstdDecompress, MOST_INLINE_BYTES);
const inPool = promisify(zstdCompress);
const compress = async (body: Uint8Array): Promise<Buffer> =>
  inline(body, LEVEL) ?? (await inPool(body, levelOf(LEVEL)));

/** What is sealed with a body. */
interface About {
  readonly fingerprint: Fingerprint;
  readonly place: StoredPlace;
  readonly retention: StoredVersion["retention"];
  readonly bytes: number;
}

export const scopeIn = (value: Buffer): Buffer => value.subarray(0, NAME_BYTES);

const aboutValue = (partition: Partition, header: Buffer, name: string): string =>
  `version ${partition} ${header.toString("latin1")} ${name}`;

/** What a version is sealed with, and the names of its partition. */
export interface Sealing {
  readonly names: PartitionNames;
  readonly seal: ScopeSeal;
}

export const writtenVersion = async (
  { partition, fingerprint, place, retention, body }: StoredVersion,
  { names, seal: { key }, seal: of }: Sealing,
  name: string,
): Promise<Buffer> => {
  const about: About = { fingerprint, place, retention, bytes: body.length };
  const text = Buffer.from(JSON.stringify(about), "utf8");
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeUInt32BE(text.length);
  const plain = Buffer.concat([length, text, await compress(body)]);
  const header = names.header(of, place.url);
  return Buffer.concat([header, seal(key, plain, aboutValue(partition, header, name))]);
};

/** Undefined for what cannot be read, is not what it says, or of a page that was forgotten since. It is known of no peer's store. */
export const versionIn = (
  partition: Partition,
  value: Buffer,
  { names, seal: of }: Sealing,
  name: string,
): StoredVersion | undefined => {
  if (!isSealedWith(of, value)) return undefined;
  const header = value.subarray(0, HEADER_BYTES);
  const plain = unseal(of.key, value.subarray(HEADER_BYTES), aboutValue(partition, header, name));
  if (plain === undefined) return undefined;
  try {
    const end = LENGTH_BYTES + plain.readUInt32BE();
    const about = JSON.parse(plain.toString("utf8", LENGTH_BYTES, end)) as About;
    const { fingerprint, place, retention, bytes } = about;
    if (!header.equals(names.header(of, place.url))) return undefined;
    const coded = plain.subarray(end);
    // A buffer that is full would be followed by another one.
    const limits = { chunkSize: Math.max(64, bytes + 1), maxOutputLength: bytes + 1 };
    const body = inflate(coded, bytes) ?? new Uint8Array(zstdDecompressSync(coded, limits));
    if (fingerprintOf(body) !== fingerprint) return undefined;
    return { partition, fingerprint, body, stores: [], retention, place };
  } catch {
    return undefined;
  }
};

/** One version in a list. */
export interface Entry {
  readonly fingerprint: Fingerprint;
  readonly place: StoredPlace;
  readonly stores: readonly StoreId[];
  /** See PartitionNames.forgotten. */
  readonly after: string;
}

interface EntryPlace {
  readonly partition: Partition;
  readonly list: string;
  readonly field: string;
}

const aboutEntry = ({ partition, list, field }: EntryPlace, { scope }: ScopeSeal, seen: number): string =>
  `entry ${partition} ${scope.toString("latin1")} ${list} ${field} ${seen}`;

/** `seen`: milliseconds since 1970. */
export const writtenEntry = (at: EntryPlace, entry: Entry, sealing: ScopeSeal, seen: number): Buffer => {
  const when = Buffer.alloc(SEEN_BYTES);
  when.writeDoubleBE(seen);
  const text = Buffer.from(JSON.stringify(entry), "utf8");
  return Buffer.concat([when, seal(sealing.key, text, aboutEntry(at, sealing, seen))]);
};

export const seenAt = (entry: Buffer): number => (entry.length < SEEN_BYTES ? 0 : entry.readDoubleBE());

/** Undefined for what cannot be read. */
export const entryIn = (at: EntryPlace, entry: Buffer, sealing: ScopeSeal): Entry | undefined => {
  const text = unseal(sealing.key, entry.subarray(SEEN_BYTES), aboutEntry(at, sealing, seenAt(entry)));
  return text && (JSON.parse(text.toString("utf8")) as Entry);
};
