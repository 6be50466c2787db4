/**
 * The keys of what a shared store holds. A partition's key is made of the store's key and a salt that
 * stands in the store, a session's of both and a salt of its own: who erases a salt makes unreadable what was sealed with it, wherever
 * a copy is. Beside the salts of a host stands which of its pages were forgotten. SPEC section "Version store".
 */
import { type KeyObject, randomBytes } from "node:crypto";
import { LRUCache } from "lru-cache";
import type { Redis, RedisReply } from "../../redis/client.ts";
import { namesOf } from "../../store/common-base-name.ts";
import type { ScopeKey } from "../../store/page-index.ts";
import { hostOf, type Partition } from "../../store/partition.ts";
import type { StoreId } from "../../store/stored-version.ts";
import type { StoredScope } from "../lower-tier.ts";
import { derived, derivedKey } from "../store-key.ts";
import type { Erasure } from "./forget-news.ts";
import { hashOf, PartitionNames, PUBLIC_SCOPE, type ScopeSeal } from "./partition-names.ts";

/** Edges share among themselves, and so do origin sides. */
export type Side = "edge" | "origin";

const SALT_BYTES = 32;
const STORE_ID_BYTES = 16;
/** Of each kind, in memory. */
const MOST_KNOWN = 16_384;
/** How often a salt is looked for again: another daemon makes it anew where the store let go of it. */
const LOOK_MS = 500;
/** Before the fields of pages that were forgotten; no hash begins so. */
const FORGOTTEN = "~";

interface KeysOptions {
  readonly redis: Redis;
  readonly storeKey: Uint8Array;
  readonly side: Side;
  /** What is a session's is kept so long after it was seen last. */
  readonly sessionMs: number;
  /** Milliseconds, for what is known. */
  now(): number;
}

interface KnownNames {
  readonly names: PartitionNames;
  /** What they were made of. */
  readonly of: string;
  lookedAt: number;
}

interface KnownSalt {
  readonly salt: Buffer;
  lookedAt: number;
  /** What comes of it, and for which names. */
  sealing?: { readonly names: PartitionNames; readonly seal: ScopeSeal };
}

export class SharedKeys {
  readonly storeId: StoreId;
  /** Of all that stands in the store. What is in braces stands on one node of a cluster. */
  readonly prefix: string;
  readonly #options: KeysOptions;
  /** Of what needs no salt. */
  readonly #names: KeyObject;
  readonly #partitions: LRUCache<Partition, KnownNames>;
  /** Salts of sessions, by their scope's name. */
  readonly #sessions: LRUCache<string, KnownSalt>;
  /** Rises whenever something is erased: what was asked for before may be gone. */
  #erased = 0;

  constructor(options: KeysOptions) {
    const { storeKey, side } = options;
    this.#options = options;
    const id = derived(storeKey, `shared store of ${side}`);
    this.storeId = id.toString("latin1", 0, STORE_ID_BYTES) as StoreId;
    this.prefix = `coilgun-${side}-${id.toString("hex", STORE_ID_BYTES, STORE_ID_BYTES + 4)}`;
    this.#names = derivedKey(storeKey, "shared names");
    this.#partitions = new LRUCache({ max: MOST_KNOWN });
    this.#sessions = new LRUCache({ max: MOST_KNOWN });
  }

  /** The name of the scope, as it stands beside what is sealed. */
  scopeOf(partition: Partition, scopeKey: ScopeKey): Buffer {
    if (scopeKey === "public") return PUBLIC_SCOPE;
    return Buffer.from(hashOf(this.#names, ["session", partition, scopeKey]), "base64url");
  }

  /** Undefined where nothing was put since it was erased. */
  async partition(partition: Partition): Promise<PartitionNames | undefined> {
    const known = this.#partitions.get(partition);
    if (known === undefined) return this.#look(partition);
    if (this.#options.now() - known.lookedAt >= LOOK_MS) {
      known.lookedAt = this.#options.now();
      // In one pipeline with what is asked for next; what comes of it counts then.
      void this.#look(partition).catch(() => undefined);
    }
    return known.names;
  }

  async #look(partition: Partition): Promise<PartitionNames | undefined> {
    const erased = this.#erased;
    const [host] = this.#saltOf(partition);
    const fields = await this.#options.redis.ask(host, ["HGETALL", host]);
    return erased === this.#erased ? this.#learn(partition, fields) : undefined;
  }

  /** Those of the store at this moment, made where there are none. Rejects when the store does not take them. */
  async partitionToWrite(partition: Partition): Promise<PartitionNames> {
    const { redis } = this.#options;
    const [host, field] = this.#saltOf(partition);
    const erased = this.#erased;
    let fields = await redis.ask(host, ["HGETALL", host]);
    if (!isSalt(fieldsIn(fields).get(field)))
      [, fields] = await Promise.all([
        redis.ask(host, ["HSETNX", host, field, randomBytes(SALT_BYTES)]),
        redis.ask(host, ["HGETALL", host]),
      ]);
    // What is written with a key that is erased nobody reads.
    const learnt = erased === this.#erased ? this.#learn(partition, fields) : undefined;
    const names = learnt ?? this.#namesIn(partition, fields)?.names;
    if (names === undefined) throw new Error("the store keeps no salt");
    return names;
  }

  /** What versions of these scopes are sealed with, in their order; undefined for sessions of which nothing was put. */
  async seals(names: PartitionNames, scopes: readonly Buffer[]): Promise<readonly (ScopeSeal | undefined)[]> {
    return Promise.all(
      scopes.map(async (scope) => {
        if (scope.equals(PUBLIC_SCOPE)) return names.everybodys;
        const text = scope.toString("base64url");
        const known = this.#sessions.get(text);
        if (known === undefined) {
          const looked = await this.#lookSession(text);
          return looked && sealOnce(looked, names, scope);
        }
        if (this.#options.now() - known.lookedAt >= LOOK_MS) {
          known.lookedAt = this.#options.now();
          void this.#lookSession(text).catch(() => undefined);
        }
        return sealOnce(known, names, scope);
      }),
    );
  }

  async #lookSession(scope: string): Promise<KnownSalt | undefined> {
    const erased = this.#erased;
    const salt = await this.#askSession(["GET", this.#sessionOf(scope)]);
    if (erased !== this.#erased) return undefined;
    if (isSalt(salt)) return this.#knowSession(scope, salt);
    this.#sessions.delete(scope);
    return undefined;
  }

  #knowSession(scope: string, salt: Buffer): KnownSalt {
    const before = this.#sessions.get(scope);
    const known = before?.salt.equals(salt) ? before : { salt, lookedAt: 0 };
    known.lookedAt = this.#options.now();
    this.#sessions.set(scope, known);
    return known;
  }

  /** That of the store at this moment, made where there is none. */
  async sealToWrite(names: PartitionNames, scope: Buffer): Promise<ScopeSeal> {
    if (scope.equals(PUBLIC_SCOPE)) return names.everybodys;
    const text = scope.toString("base64url");
    const [name, ms] = [this.#sessionOf(text), String(Math.ceil(this.#options.sessionMs))];
    const erased = this.#erased;
    const [, salt] = await Promise.all([
      this.#askSession(["SET", name, randomBytes(SALT_BYTES), "NX", "PX", ms]),
      this.#askSession(["GETEX", name, "PX", ms]),
    ]);
    if (!isSalt(salt)) throw new Error("the store keeps no salt");
    return erased === this.#erased
      ? sealOnce(this.#knowSession(text, salt), names, scope)
      : names.session(scope, salt);
  }

  /** Forgets what is known of it here; returns what is to be erased in the store. */
  dropScope(of: StoredScope, url: string | undefined): Erasure {
    this.#erased++;
    const host = "host" in of ? of.host : hostOf(of.partition);
    for (const partition of this.#partitions.keys())
      if ("host" in of ? hostOf(partition) === host : partition === of.partition)
        this.#partitions.delete(partition);
    const key = this.#hostKey(host);
    if (url !== undefined) return [key, "pages", ...namesOf(url).map((name) => this.#pageOf(of, name))];
    return "host" in of ? [key, "all"] : [key, "field", this.#saltOf(of.partition)[1]];
  }

  dropSession(partition: Partition, session: ScopeKey): Erasure {
    const text = this.scopeOf(partition, session).toString("base64url");
    this.#erased++;
    this.#sessions.delete(text);
    return [this.#sessionOf(text), "all"];
  }

  #askSession(command: readonly [string, string, ...(string | Buffer)[]]): Promise<RedisReply> {
    return this.#options.redis.ask(command[1], command);
  }

  #learn(partition: Partition, fields: RedisReply): PartitionNames | undefined {
    const known = this.#namesIn(partition, fields, this.#partitions.get(partition));
    if (known === undefined) this.#partitions.delete(partition);
    else this.#partitions.set(partition, known);
    return known?.names;
  }

  /** `known`: what was known of the partition before. */
  #namesIn(partition: Partition, reply: RedisReply, known?: KnownNames): KnownNames | undefined {
    const fields = fieldsIn(reply);
    const salt = fields.get(this.#saltOf(partition)[1]);
    if (!isSalt(salt)) return undefined;
    const pages = [...fields].filter(([field]) => field.startsWith(FORGOTTEN));
    const of = [salt.toString("hex"), ...pages].join();
    const lookedAt = this.#options.now();
    if (known?.of === of) return { ...known, lookedAt };
    const isOf: readonly StoredScope[] = [{ partition }, { host: hostOf(partition) }];
    const told = (url: string) => isOf.map((each) => fields.get(this.#pageOf(each, url)) ?? "").join("");
    const { storeKey } = this.#options;
    const forgotten = pages.length === 0 ? () => "" : told;
    return { names: new PartitionNames({ storeKey, salt, prefix: this.prefix, forgotten }), of, lookedAt };
  }

  #pageOf(of: StoredScope, url: string): string {
    return `${FORGOTTEN}${hashOf(this.#names, ["forgotten", "host" in of ? of.host : of.partition, url])}`;
  }

  #saltOf(partition: Partition): [string, string] {
    return [this.#hostKey(hostOf(partition)), hashOf(this.#names, ["partition", partition])];
  }

  #hostKey(host: string): string {
    return `{${this.prefix}}:h:${hashOf(this.#names, ["host", host])}`;
  }

  #sessionOf(scope: string): string {
    return `{${this.prefix}}:s:${scope}`;
  }
}

/** Made once: it takes longer than all else that is asked of them. */
const sealOnce = (known: KnownSalt, names: PartitionNames, scope: Buffer): ScopeSeal => {
  if (known.sealing?.names !== names) known.sealing = { names, seal: names.session(scope, known.salt) };
  return known.sealing.seal;
};

/** The fields of a hash, of which HGETALL tells names and values in turn. */
export const fieldsIn = (reply: RedisReply): ReadonlyMap<string, Buffer> => {
  const flat = Array.isArray(reply) ? (reply as readonly RedisReply[]) : [];
  const fields = new Map<string, Buffer>();
  for (let i = 0; i + 1 < flat.length; i += 2) {
    const bytes = flat[i + 1];
    if (Buffer.isBuffer(bytes)) fields.set(String(flat[i]), bytes);
  }
  return fields;
};

const isSalt = (reply: RedisReply | undefined): reply is Buffer =>
  Buffer.isBuffer(reply) && reply.length === SALT_BYTES;
