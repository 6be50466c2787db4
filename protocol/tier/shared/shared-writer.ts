/** Writes a version into a shared store: its body where nobody has, and what stands of it in its lists. */
import type { Redis } from "../../redis/client.ts";
import type { Clock } from "../../runtime/clock.ts";
import { shortOf } from "../../store/fingerprint.ts";
import { KEPT_PER_TEMPLATE, KEPT_PER_URL } from "../../store/page-index.ts";
import { MOST_STORES } from "../../store/stored-version.ts";
import type { StoredVersion } from "../lower-tier.ts";
import type { PartitionNames, ScopeSeal } from "./shared-keys.ts";
import { fieldsOf, newestFirst } from "./shared-reader.ts";
import { entryIn, HEADER_BYTES, headerOf, writtenEntry, writtenVersion } from "./shared-version.ts";

/** What is everybody's is kept so long after it was put last, unless the store lets go of it before. */
const KEEP_MS = 86_400_000;

interface WriterOptions {
  readonly redis: Redis;
  readonly clock: Clock;
  readonly sessionMs: number;
}

interface ListPlace {
  readonly list: string;
  readonly field: string;
  readonly most: number;
}

export class SharedWriter {
  readonly #options: WriterOptions;

  constructor(options: WriterOptions) {
    this.#options = options;
  }

  /** Rejects when the store does not take it. */
  async write(version: StoredVersion, names: PartitionNames, sealing: ScopeSeal): Promise<void> {
    const { url, templates } = version.place;
    const ms = String(Math.ceil(version.retention === "keep" ? KEEP_MS : this.#options.sessionMs));
    const lists: ListPlace[] = [
      {
        list: names.list(sealing.scope, url),
        field: names.place("version", version.fingerprint),
        most: KEPT_PER_URL,
      },
      // Of a template one version a page, as in memory.
      ...templates.map((template) => ({
        list: names.list(sealing.scope, template),
        field: names.place("page", url),
        most: KEPT_PER_TEMPLATE,
      })),
    ];
    await Promise.all([
      this.#writeBody(version, names, sealing, ms),
      ...lists.map((at) => this.#writeEntry(version, sealing, at, ms)),
    ]);
  }

  async #writeBody(
    version: StoredVersion,
    names: PartitionNames,
    sealing: ScopeSeal,
    ms: string,
  ): Promise<void> {
    const { redis } = this.#options;
    const key = names.version(shortOf(version.fingerprint));
    const header = await redis.ask(key, ["GETRANGE", key, "0", String(HEADER_BYTES - 1)]);
    const isThere = Buffer.isBuffer(header) && header.equals(headerOf(sealing));
    if (isThere) await redis.ask(key, ["PEXPIRE", key, ms]);
    else await redis.ask(key, ["SET", key, await writtenVersion(version, sealing, key), "PX", ms]);
  }

  /** Others may write the same list at the same time: what is too much then goes the next time. */
  async #writeEntry(
    { partition, fingerprint, place, stores }: StoredVersion,
    sealing: ScopeSeal,
    { list, field, most }: ListPlace,
    ms: string,
  ): Promise<void> {
    const { redis, clock } = this.#options;
    const fields = await fieldsOf(redis, list);
    const at = { partition, list, field };
    const bytes = fields.get(field);
    const before = bytes && entryIn(at, bytes, sealing);
    const known = before?.fingerprint === fingerprint ? before.stores : [];
    const entry = { fingerprint, place, stores: [...new Set([...known, ...stores])].slice(-MOST_STORES) };
    const excess = newestFirst(fields)
      .map(([name]) => name)
      .filter((name) => name !== field)
      .slice(most - 1);
    await Promise.all([
      redis.ask(list, ["HSET", list, field, writtenEntry(at, entry, sealing, clock.today())]),
      ...(excess.length === 0 ? [] : [redis.ask(list, ["HDEL", list, ...excess])]),
      redis.ask(list, ["PEXPIRE", list, ms]),
    ]);
  }
}
