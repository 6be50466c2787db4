/**
 * Writes versions into a shared store: their bodies where nobody has, and what stands of them in their lists, each list once for all of
 * them. It is asked what is there in one pipeline, and told what is new in another.
 */
import type { Redis } from "../../redis/client.ts";
import type { Clock } from "../../runtime/clock.ts";
import { shortOf } from "../../store/fingerprint.ts";
import { KEPT_PER_TEMPLATE, KEPT_PER_URL } from "../../store/page-index.ts";
import { MOST_STORES } from "../../store/stored-version.ts";
import type { StoredVersion } from "../lower-tier.ts";
import { HEADER_BYTES } from "./partition-names.ts";
import { fieldsOf, newestFirst } from "./shared-reader.ts";
import { entryIn, type Sealing, writtenEntry, writtenVersion } from "./shared-version.ts";

/** What is everybody's is kept so long after it was put last, unless the store lets go of it before. */
const KEEP_MS = 86_400_000;

interface WriterOptions {
  readonly redis: Redis;
  readonly clock: Clock;
  readonly sessionMs: number;
}

interface SealedVersion extends Sealing {
  readonly version: StoredVersion;
}

interface ListWrite {
  readonly most: number;
  readonly ms: number;
  /** What stands under a field from now on, the newest last. */
  readonly fields: Map<string, SealedVersion>;
}

export class SharedWriter {
  readonly #options: WriterOptions;

  constructor(options: WriterOptions) {
    this.#options = options;
  }

  /** The newest last. Rejects when the store does not take them. */
  async write(versions: readonly SealedVersion[]): Promise<void> {
    const bodies = new Map<string, SealedVersion>();
    const lists = new Map<string, ListWrite>();
    for (const sealed of versions) {
      const { version, names, seal } = sealed;
      const { fingerprint, place } = version;
      bodies.set(names.version(shortOf(fingerprint)), sealed);
      const stand = (list: string, field: string, most: number) => {
        const write = lists.get(list) ?? { most, ms: this.#msOf(version), fields: new Map() };
        write.fields.delete(field);
        write.fields.set(field, sealed);
        lists.set(list, write);
      };
      stand(names.list(seal.scope, place.url), names.place("version", fingerprint), KEPT_PER_URL);
      // Of a template one version a page, as in memory.
      const page = names.place("page", place.url);
      for (const template of place.templates)
        stand(names.list(seal.scope, template), page, KEPT_PER_TEMPLATE);
    }
    await Promise.all([
      ...[...bodies].map((body) => this.#writeBody(...body)),
      ...[...lists].map((list) => this.#writeList(...list)),
    ]);
  }

  #msOf({ retention }: StoredVersion): number {
    return Math.ceil(retention === "keep" ? KEEP_MS : this.#options.sessionMs);
  }

  async #writeBody(key: string, { version, ...sealing }: SealedVersion): Promise<void> {
    const { redis } = this.#options;
    const ms = String(this.#msOf(version));
    const header = await redis.ask(key, ["GETRANGE", key, "0", String(HEADER_BYTES - 1)]);
    const wanted = sealing.names.header(sealing.seal, version.place.url);
    const isThere = Buffer.isBuffer(header) && header.equals(wanted);
    if (isThere) await redis.ask(key, ["PEXPIRE", key, ms]);
    else await redis.ask(key, ["SET", key, await writtenVersion(version, sealing, key), "PX", ms]);
  }

  /** Others may write the same list at the same time: what is too much then goes the next time. */
  async #writeList(list: string, { most, ms, fields }: ListWrite): Promise<void> {
    const { redis, clock } = this.#options;
    const before = await fieldsOf(redis, list);
    const now = clock.today();
    const written = [...fields].slice(-most).flatMap(([field, { version, names, seal }], i) => {
      const { partition, fingerprint, place, stores } = version;
      const at = { partition, list, field };
      const bytes = before.get(field);
      const known = bytes && entryIn(at, bytes, seal);
      const merged = known?.fingerprint === fingerprint ? [...known.stores, ...stores] : stores;
      const kept = [...new Set(merged)].slice(-MOST_STORES);
      const entry = { fingerprint, place, stores: kept, after: names.forgotten(place.url) };
      // What is of one batch stays in its order.
      return [field, writtenEntry(at, entry, seal, now + i / fields.size)];
    });
    const others = newestFirst(before).filter(([field]) => !fields.has(field));
    const excess = others.slice(Math.max(0, most - fields.size)).map(([field]) => field);
    await Promise.all([
      redis.ask(list, ["HSET", list, ...written]),
      ...(excess.length === 0 ? [] : [redis.ask(list, ["HDEL", list, ...excess])]),
      redis.ask(list, ["PEXPIRE", list, String(ms)]),
    ]);
  }
}
