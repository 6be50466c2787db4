/**
 * Writes versions into a shared store. Origin sides name them by their fingerprints, as edges do who offer them. Edges
 * look for pages: what stands in a list is written once for all of them, and beside the list of a URL the bodies, so
 * that one question is enough for both. A body that is there is not written again. It is asked what is there in one
 * pipeline, and told what is new in another.
 */
import type { Redis } from "../../redis/client.ts";
import type { Clock } from "../../runtime/clock.ts";
import { shortOf } from "../../store/fingerprint.ts";
import { KEPT_PER_TEMPLATE, KEPT_PER_URL } from "../../store/page-index.ts";
import { MOST_STORES } from "../../store/stored-version.ts";
import type { StoredVersion } from "../lower-tier.ts";
import { HEADER_BYTES } from "./partition-names.ts";
import type { Side } from "./shared-keys.ts";
import { bodyName, fieldsOf, newestFirst } from "./shared-reader.ts";
import { entryIn, type Sealing, writtenEntry, writtenVersion } from "./shared-version.ts";

/** What is everybody's is kept so long after it was put last, unless the store lets go of it before. */
const KEEP_MS = 86_400_000;

interface WriterOptions {
  readonly redis: Redis;
  readonly clock: Clock;
  readonly side: Side;
  readonly sessionMs: number;
}

interface SealedVersion extends Sealing {
  readonly version: StoredVersion;
}

interface ListWrite {
  /** Where the bodies stand; undefined: this is no URL's list. */
  readonly bodies: string | undefined;
  readonly most: number;
  readonly ms: string;
  /** What stands under a field from now on, the newest last. */
  readonly fields: Map<string, SealedVersion>;
}

interface BodiesWrite {
  readonly missing: readonly (readonly [field: string, SealedVersion])[];
  readonly excess: readonly string[];
  readonly ms: string;
}

export class SharedWriter {
  readonly #options: WriterOptions;

  constructor(options: WriterOptions) {
    this.#options = options;
  }

  /** The newest last. Rejects when the store does not take them. */
  async write(versions: readonly SealedVersion[]): Promise<void> {
    if (this.#options.side === "origin") {
      const named = versions.map(
        (each) => [each.names.version(shortOf(each.version.fingerprint)), each] as const,
      );
      await Promise.all([...new Map(named)].map((body) => this.#writeNamed(...body)));
      return;
    }
    const lists = new Map<string, ListWrite>();
    for (const sealed of versions) {
      const { version, names, seal } = sealed;
      const { fingerprint, place } = version;
      const stand = (key: string, field: string, most: number) => {
        const { list, bodies } = names.list(seal.scope, key);
        const write = lists.get(list) ?? {
          bodies: key === place.url ? bodies : undefined,
          most,
          ms: this.#msOf(version),
          fields: new Map(),
        };
        write.fields.delete(field);
        write.fields.set(field, sealed);
        lists.set(list, write);
      };
      stand(place.url, names.place("version", fingerprint), KEPT_PER_URL);
      // Of a template one version a page, as in memory.
      const page = names.place("page", place.url);
      for (const template of place.templates) stand(template, page, KEPT_PER_TEMPLATE);
    }
    await Promise.all([...lists].map((list) => this.#writeList(...list)));
  }

  #msOf({ retention }: StoredVersion): string {
    return String(Math.ceil(retention === "keep" ? KEEP_MS : this.#options.sessionMs));
  }

  async #writeNamed(key: string, { version, ...sealing }: SealedVersion): Promise<void> {
    const { redis } = this.#options;
    const ms = this.#msOf(version);
    const header = await redis.ask(key, ["GETRANGE", key, "0", String(HEADER_BYTES - 1)]);
    const wanted = sealing.names.header(sealing.seal, version.place.url);
    const isThere = Buffer.isBuffer(header) && header.equals(wanted);
    if (isThere) await redis.ask(key, ["PEXPIRE", key, ms]);
    else await redis.ask(key, ["SET", key, await writtenVersion(version, sealing, key), "PX", ms]);
  }

  /** Others may write the same list at the same time: what is too much then goes the next time. */
  async #writeList(list: string, { bodies, most, ms, fields }: ListWrite): Promise<void> {
    const { redis, clock } = this.#options;
    // Others write the list first, so whose body is there stands in it by the time it is asked for.
    const [there, before] = await Promise.all([this.#bodiesThere(bodies), fieldsOf(redis, list)]);
    const now = clock.today();
    const written: (string | Buffer)[] = [];
    const missing: (readonly [field: string, SealedVersion])[] = [];
    for (const [i, [field, sealed]] of [...fields].slice(-most).entries()) {
      const { version, names, seal } = sealed;
      const { partition, fingerprint, place, stores } = version;
      const at = { partition, list, field };
      const bytes = before.get(field);
      const entryThere = bytes && entryIn(at, bytes, seal);
      const known = entryThere?.fingerprint === fingerprint ? entryThere : undefined;
      const kept = [...new Set([...(known?.stores ?? []), ...stores])].slice(-MOST_STORES);
      const entry = { fingerprint, place, stores: kept, after: names.forgotten(place.url) };
      // What is of one batch stays in its order.
      written.push(field, writtenEntry(at, entry, seal, now + i / fields.size));
      // One that is written before its page was forgotten is not read any more.
      if (known?.after !== entry.after || !there.has(field)) missing.push([field, sealed]);
    }
    const others = newestFirst(before).filter(([field]) => !fields.has(field));
    const kept = Math.max(0, most - fields.size);
    const excess = others.slice(kept).map(([field]) => field);
    // Those whose list the store has let go of too: who reads one body of a URL is sent all.
    const standing = new Set([...fields.keys(), ...others.slice(0, kept).map(([field]) => field)]);
    const excessBodies = [...there].filter((field) => !standing.has(field));
    await Promise.all([
      redis.ask(list, ["HSET", list, ...written]),
      ...(excess.length === 0 ? [] : [redis.ask(list, ["HDEL", list, ...excess])]),
      redis.ask(list, ["PEXPIRE", list, ms]),
      ...(bodies === undefined ? [] : [this.#writeBodies(bodies, { missing, excess: excessBodies, ms })]),
    ]);
  }

  /** The fields whose bodies the store has. */
  async #bodiesThere(key: string | undefined): Promise<ReadonlySet<string>> {
    const names = key === undefined ? [] : await this.#options.redis.ask(key, ["HKEYS", key]);
    return new Set(Array.isArray(names) ? names.map(String) : []);
  }

  async #writeBodies(key: string, { missing, excess, ms }: BodiesWrite): Promise<void> {
    const { redis } = this.#options;
    const values = await Promise.all(
      missing.map(async ([field, { version, ...sealing }]) => [
        field,
        await writtenVersion(version, sealing, bodyName(key, field)),
      ]),
    );
    await Promise.all([
      ...(values.length === 0 ? [] : [redis.ask(key, ["HSET", key, ...values.flat()])]),
      ...(excess.length === 0 ? [] : [redis.ask(key, ["HDEL", key, ...excess])]),
      redis.ask(key, ["PEXPIRE", key, ms]),
    ]);
  }
}
