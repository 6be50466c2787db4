/**
 * The keys of what a shared store holds, and the names it stands under. A partition's key is made of the store's key and a salt that
 * stands in the store, a session's of both and a salt of its own: who erases a salt makes unreadable what was sealed with it, wherever
 * a copy is. All names are keyed hashes, so that the store can be searched and tells no page. SPEC section "Version store".
 */
import { createHmac, type KeyObject, randomBytes } from "node:crypto";
import { LRUCache } from "lru-cache";
import type { Redis, RedisReply } from "../../redis/client.ts";
import type { ShortFingerprint } from "../../store/fingerprint.ts";
import type { ScopeKey } from "../../store/page-index.ts";
import { hostOf, type Partition } from "../../store/partition.ts";
import type { StoreId } from "../../store/stored-version.ts";
import type { StoredScope } from "../lower-tier.ts";
import { derived, derivedKey } from "../store-key.ts";

/** Edges share among themselves, and so do origin sides. */
export type Side = "edge" | "origin";

const SALT_BYTES = 32;
const STORE_ID_BYTES = 16;
const NAME_BYTES = 16;
export const CHECK_BYTES = 8;
/** Of each kind, in memory. */
const MOST_KNOWN = 16_384;
/** How often a salt is looked for again: another daemon makes it anew where the store let go of it. */
const LOOK_MS = 500;

/** Of `public`; no hash is likely to be that. */
export const PUBLIC_SCOPE = Buffer.alloc(NAME_BYTES);

interface KeysOptions {
  readonly redis: Redis;
  readonly storeKey: Uint8Array;
  readonly side: Side;
  /** What is a session's is kept so long after it was seen last. */
  readonly sessionMs: number;
  /** Milliseconds, for what is known. */
  now(): number;
}

/** What one scope's versions are sealed with. */
export interface ScopeSeal {
  readonly scope: Buffer;
  readonly key: KeyObject;
  /** Tells whether something was sealed with this key, before it is opened. */
  readonly check: Buffer;
}

const sealOf = (scope: Buffer, key: KeyObject): ScopeSeal => ({
  scope,
  key,
  check: derived(key, "check").subarray(0, CHECK_BYTES),
});

/** Of one partition, for as long as its salt is the same. */
export class PartitionNames {
  readonly salt: Buffer;
  readonly everybodys: ScopeSeal;
  readonly #key: KeyObject;
  readonly #names: KeyObject;
  readonly #prefix: string;

  constructor(storeKey: Uint8Array, salt: Buffer, prefix: string) {
    this.salt = salt;
    this.#key = derivedKey(storeKey, "shared partition", salt);
    this.#names = derivedKey(this.#key, "names");
    this.everybodys = sealOf(PUBLIC_SCOPE, derivedKey(this.#key, "public"));
    this.#prefix = prefix;
  }

  version(short: ShortFingerprint): string {
    return `${this.#prefix}:v:${this.#hash("version", short)}`;
  }

  list(scope: Buffer, key: string): string {
    return `${this.#prefix}:l:${this.#hash("list", scope.toString("latin1"), key)}`;
  }

  /** Where a version stands in a list: of a URL each version, of a template each page. */
  place(kind: "version" | "page", what: string): string {
    return this.#hash("place", kind, what);
  }

  session(scope: Buffer, salt: Buffer): ScopeSeal {
    return sealOf(scope, derivedKey(this.#key, "session", salt));
  }

  #hash(...parts: readonly string[]): string {
    return hashOf(this.#names, parts);
  }
}

const hashOf = (secret: KeyObject, parts: readonly string[]): string =>
  createHmac("sha256", secret).update(JSON.stringify(parts)).digest().toString("base64url", 0, NAME_BYTES);

interface KnownNames {
  readonly names: PartitionNames;
  lookedAt: number;
}

interface KnownSalt {
  readonly salt: Buffer;
  lookedAt: number;
}

export class SharedKeys {
  readonly storeId: StoreId;
  /** Of all that stands in the store. What is in braces stands on one node of a cluster. */
  readonly prefix: string;
  readonly #options: KeysOptions;
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
    const [host, field] = this.#saltOf(partition);
    const salt = await this.#options.redis.ask(host, ["HGET", host, field]);
    return erased === this.#erased ? this.#learn(partition, salt) : undefined;
  }

  /** Those of the store at this moment, made where there are none. Rejects when the store does not take them. */
  async partitionToWrite(partition: Partition): Promise<PartitionNames> {
    const { redis } = this.#options;
    const [host, field] = this.#saltOf(partition);
    const erased = this.#erased;
    const [, salt] = await Promise.all([
      redis.ask(host, ["HSETNX", host, field, randomBytes(SALT_BYTES)]),
      redis.ask(host, ["HGET", host, field]),
    ]);
    if (!isSalt(salt)) throw new Error("the store keeps no salt");
    // What is written with a key that is erased nobody reads.
    const names = erased === this.#erased ? this.#learn(partition, salt) : undefined;
    return names ?? this.#namesOf(salt);
  }

  /** What versions of these scopes are sealed with, in their order; undefined for sessions of which nothing was put. */
  async seals(names: PartitionNames, scopes: readonly Buffer[]): Promise<readonly (ScopeSeal | undefined)[]> {
    return Promise.all(
      scopes.map(async (scope) => {
        if (scope.equals(PUBLIC_SCOPE)) return names.everybodys;
        const text = scope.toString("base64url");
        const known = this.#sessions.get(text);
        if (known === undefined) {
          const salt = await this.#lookSession(text);
          return salt && names.session(scope, salt);
        }
        if (this.#options.now() - known.lookedAt >= LOOK_MS) {
          known.lookedAt = this.#options.now();
          void this.#lookSession(text).catch(() => undefined);
        }
        return names.session(scope, known.salt);
      }),
    );
  }

  async #lookSession(scope: string): Promise<Buffer | undefined> {
    const erased = this.#erased;
    const salt = await this.#askSession(["GET", this.#sessionOf(scope)]);
    if (erased !== this.#erased) return undefined;
    if (isSalt(salt)) {
      this.#sessions.set(scope, { salt, lookedAt: this.#options.now() });
      return salt;
    }
    this.#sessions.delete(scope);
    return undefined;
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
    if (erased === this.#erased) this.#sessions.set(text, { salt, lookedAt: this.#options.now() });
    return names.session(scope, salt);
  }

  /** Forgets what is known of it here; returns what stands in the store: a key, or a field of one. */
  dropScope(of: StoredScope): readonly [key: string, field: string | undefined] {
    this.#erased++;
    const host = "host" in of ? of.host : hostOf(of.partition);
    for (const partition of this.#partitions.keys())
      if ("host" in of ? hostOf(partition) === host : partition === of.partition)
        this.#partitions.delete(partition);
    return "host" in of ? [this.#hostKey(host), undefined] : this.#saltOf(of.partition);
  }

  dropSession(partition: Partition, session: ScopeKey): string {
    const text = this.scopeOf(partition, session).toString("base64url");
    this.#erased++;
    this.#sessions.delete(text);
    return this.#sessionOf(text);
  }

  #askSession(command: readonly [string, string, ...(string | Buffer)[]]): Promise<RedisReply> {
    return this.#options.redis.ask(command[1], command);
  }

  #learn(partition: Partition, salt: RedisReply): PartitionNames | undefined {
    if (!isSalt(salt)) {
      this.#partitions.delete(partition);
      return undefined;
    }
    const known = this.#partitions.get(partition)?.names;
    const names = known?.salt.equals(salt) ? known : this.#namesOf(salt);
    this.#partitions.set(partition, { names, lookedAt: this.#options.now() });
    return names;
  }

  #namesOf(salt: Buffer): PartitionNames {
    return new PartitionNames(this.#options.storeKey, salt, this.prefix);
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

const isSalt = (reply: RedisReply | undefined): reply is Buffer =>
  Buffer.isBuffer(reply) && reply.length === SALT_BYTES;
