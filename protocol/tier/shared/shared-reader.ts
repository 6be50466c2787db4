/**
 * What a shared store has of a partition. Of origin sides the versions that are named; of edges the lists of a page, with the bodies of its
 * URL in one pipeline, and those of other pages in another.
 */
import type { Redis } from "../../redis/client.ts";
import { type Fingerprint, type ShortFingerprint, shortOf } from "../../store/fingerprint.ts";
import { MAX_OFFERS } from "../../store/page-index.ts";
import { isTemplate } from "../../store/page-key.ts";
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
  readonly held: ReadonlySet<Fingerprint>;
}

interface FoundEntry {
  readonly entry: Entry;
  readonly seal: ScopeSeal;
  /** Where its body stands. */
  readonly bodies: string;
  readonly field: string;
  /** The body, where it came along. */
  readonly value: Buffer | undefined;
}

const NONE: Fields = new Map();

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

  /** The bodies of the URLs among the lists come along, unless some are held already. */
  async listed(
    partition: Partition,
    names: PartitionNames,
    lists: readonly StoredList[],
    { peerStore, held }: Wanted,
  ): Promise<readonly StoredVersion[]> {
    const asked = lists.map((of) => {
      const scope = this.#keys.scopeOf(partition, of.scopeKey);
      return { of, scope, ...names.list(scope, of.key) };
    });
    const [seals, contents] = await Promise.all([
      this.#keys.seals(
        names,
        asked.map(({ scope }) => scope),
      ),
      Promise.all(
        asked.map(({ of, list, bodies }) => {
          const comeAlong = held.size === 0 && !isTemplate(of.key);
          return Promise.all([fieldsOf(this.#redis, list), comeAlong ? fieldsOf(this.#redis, bodies) : NONE]);
        }),
      ),
    ]);
    const found = new Map<Fingerprint, FoundEntry>();
    for (const [i, each] of asked.entries()) {
      const [seal, [fields, values] = []] = [seals[i], contents[i]];
      if (seal === undefined || fields === undefined) continue;
      const at = { ...each, partition, names, seal };
      for (const { field, entry } of entriesOf(at, fields)) {
        if (found.size === MAX_OFFERS) break;
        if (peerStore !== undefined && !entry.stores.includes(peerStore)) continue;
        const { fingerprint, place } = entry;
        if (found.has(fingerprint)) continue;
        const body =
          place.url === each.of.key
            ? { bodies: each.bodies, field }
            : {
                bodies: names.list(each.scope, place.url).bodies,
                field: names.place("version", fingerprint),
              };
        found.set(fingerprint, { ...body, entry, seal, value: values?.get(field) });
      }
    }
    const missing = [...found.values()].filter(({ entry }) => !held.has(entry.fingerprint));
    const read = await Promise.all(
      missing.map(
        async ({ bodies, field, value }) => value ?? (await this.#redis.ask(bodies, ["HGET", bodies, field])),
      ),
    );
    return missing.flatMap(({ entry, seal, bodies, field }, i) => {
      const value = read[i];
      if (!Buffer.isBuffer(value)) return [];
      const version = versionIn(partition, value, { names, seal }, bodyName(bodies, field));
      if (version?.fingerprint !== entry.fingerprint) return [];
      return [{ ...version, place: entry.place, stores: entry.stores }];
    });
  }
}

/** What a body of a URL is sealed with, beside whose it is. */
export const bodyName = (bodies: string, field: string): string => `${bodies} ${field}`;

interface ListAsked {
  readonly of: StoredList;
  readonly partition: Partition;
  readonly names: PartitionNames;
  readonly list: string;
  readonly seal: ScopeSeal;
}

/** Newest first. */
function* entriesOf(
  { of, partition, names, list, seal }: ListAsked,
  fields: Fields,
): Generator<{ readonly field: string; readonly entry: Entry }> {
  for (const [field, bytes] of newestFirst(fields)) {
    const entry = entryIn({ partition, list, field }, bytes, seal);
    const isThere = entry !== undefined && standsIn(entry.place, of);
    if (isThere && entry.after === names.forgotten(entry.place.url)) yield { field, entry };
  }
}

export const fieldsOf = async (redis: Redis, name: string): Promise<Fields> =>
  fieldsIn(await redis.ask(name, ["HGETALL", name]));

export const newestFirst = (fields: Fields): (readonly [string, Buffer])[] =>
  [...fields].sort(([, a], [, b]) => seenAt(b) - seenAt(a));
