/** What a shared store has of a partition: the lists of a page in one pipeline, then the versions that are wanted in another. */
import type { Redis } from "../../redis/client.ts";
import { type Fingerprint, type ShortFingerprint, shortOf } from "../../store/fingerprint.ts";
import { MAX_OFFERS } from "../../store/page-index.ts";
import type { Partition } from "../../store/partition.ts";
import type { StoreId } from "../../store/stored-version.ts";
import { type StoredList, type StoredVersion, standsIn } from "../lower-tier.ts";
import { HEADER_BYTES, type PartitionNames, type ScopeSeal } from "./partition-names.ts";
import { fieldsIn, type SharedKeys } from "./shared-keys.ts";
import { type Entry, entryIn, scopeIn, seenAt, versionIn } from "./shared-version.ts";

interface Parts {
  readonly redis: Redis;
  readonly keys: SharedKeys;
}

/** The entries of a list, by what they stand under in it. */
type Fields = ReadonlyMap<string, Buffer>;

interface Wanted {
  readonly peerStore: StoreId | undefined;
  /** What need not be read. */
  readonly held: ReadonlySet<Fingerprint> | undefined;
}

const NO_BYTES = Buffer.alloc(0);

export class SharedReader {
  readonly #redis: Redis;
  readonly #keys: SharedKeys;

  constructor({ redis, keys }: Parts) {
    this.#redis = redis;
    this.#keys = keys;
  }

  /** Those that there are, in their order. */
  async nominated(
    partition: Partition,
    names: PartitionNames,
    shorts: readonly ShortFingerprint[],
  ): Promise<readonly StoredVersion[]> {
    const read = await Promise.all(
      shorts.map(async (short) => {
        const name = names.version(short);
        const value = await this.#redis.ask(name, ["GET", name]);
        return Buffer.isBuffer(value) && value.length > HEADER_BYTES ? { short, name, value } : undefined;
      }),
    );
    const there = read.filter((each) => each !== undefined);
    const seals = await this.#keys.seals(
      names,
      there.map(({ value }) => scopeIn(value)),
    );
    return there.flatMap(({ short, name, value }, i) => {
      const seal = seals[i];
      const version = seal && versionIn(partition, value, { names, seal }, name);
      if (version === undefined || shortOf(version.fingerprint) !== short) return [];
      const scope = this.#keys.scopeOf(partition, version.place.scopeKey);
      return scope.equals(scopeIn(value)) ? [version] : [];
    });
  }

  async listed(
    partition: Partition,
    names: PartitionNames,
    lists: readonly StoredList[],
    { peerStore, held }: Wanted,
  ): Promise<readonly StoredVersion[]> {
    const scopes = lists.map(({ scopeKey }) => this.#keys.scopeOf(partition, scopeKey));
    const [seals, contents] = await Promise.all([
      this.#keys.seals(names, scopes),
      Promise.all(lists.map(({ key }, i) => fieldsOf(this.#redis, names.list(scopes[i] ?? NO_BYTES, key)))),
    ]);
    const found = new Map<Fingerprint, Entry>();
    for (const [i, list] of lists.entries())
      for (const entry of entriesOf(partition, names, list, contents[i], seals[i])) {
        if (found.size === MAX_OFFERS) break;
        if (peerStore !== undefined && !entry.stores.includes(peerStore)) continue;
        if (!found.has(entry.fingerprint)) found.set(entry.fingerprint, entry);
      }
    const missing = [...found.keys()].filter((fingerprint) => held?.has(fingerprint) !== true);
    const versions = await this.nominated(partition, names, missing.map(shortOf));
    // A body may stand in the list of several sessions; it is found as what its entry says.
    return versions.flatMap((version) => {
      const entry = found.get(version.fingerprint);
      return entry === undefined ? [] : [{ ...version, place: entry.place, stores: entry.stores }];
    });
  }
}

/** Newest first. */
function* entriesOf(
  partition: Partition,
  names: PartitionNames,
  list: StoredList,
  fields: Fields | undefined,
  sealing: ScopeSeal | undefined,
): Generator<Entry> {
  if (fields === undefined || sealing === undefined) return;
  const name = names.list(sealing.scope, list.key);
  for (const [field, bytes] of newestFirst(fields)) {
    const entry = entryIn({ partition, list: name, field }, bytes, sealing);
    const isThere = entry !== undefined && standsIn(entry.place, list);
    if (isThere && entry.after === names.forgotten(entry.place.url)) yield entry;
  }
}

export const fieldsOf = async (redis: Redis, name: string): Promise<Fields> =>
  fieldsIn(await redis.ask(name, ["HGETALL", name]));

export const newestFirst = (fields: Fields): (readonly [string, Buffer])[] =>
  [...fields].sort(([, a], [, b]) => seenAt(b) - seenAt(a));
