/**
 * What one partition's versions are sealed with, and the names they stand under: keyed hashes, under a key made of the store's key and the
 * partition's salt. A page that was forgotten is another one from then on: what was put of it before says so, and is not read.
 */
import { createHmac, type KeyObject } from "node:crypto";
import type { ShortFingerprint } from "../../store/fingerprint.ts";
import { derived, derivedKey } from "../store-key.ts";

export const NAME_BYTES = 16;
const CHECK_BYTES = 8;
const PAGE_BYTES = 8;
/** Whose it is, a check of the key, and of which page, before what is sealed. */
export const HEADER_BYTES = NAME_BYTES + CHECK_BYTES + PAGE_BYTES;

/** Of `public`; no hash is likely to be that. */
export const PUBLIC_SCOPE = Buffer.alloc(NAME_BYTES);

/** What one scope's versions are sealed with. */
export interface ScopeSeal {
  readonly scope: Buffer;
  readonly key: KeyObject;
  /** Tells whether something was sealed with this key, before it is opened. */
  readonly check: Buffer;
}

/** Of whose key a header is. */
export const isSealedWith = ({ scope, check }: ScopeSeal, value: Buffer): boolean =>
  value.subarray(0, NAME_BYTES + CHECK_BYTES).equals(Buffer.concat([scope, check]));

const sealOf = (scope: Buffer, key: KeyObject): ScopeSeal => ({
  scope,
  key,
  check: derived(key, "check").subarray(0, CHECK_BYTES),
});

/** Two hashes with the same fields: what stands in a list, and the bodies, where the list is a URL's and an edge's. */
interface ListNames {
  readonly list: string;
  readonly bodies: string;
}

interface NamesOptions {
  readonly storeKey: Uint8Array;
  readonly salt: Buffer;
  readonly prefix: string;
  forgotten(url: string): string;
}

/** Of one partition, for as long as its salt is the same, and no other page of it was forgotten. */
export class PartitionNames {
  readonly everybodys: ScopeSeal;
  readonly #key: KeyObject;
  readonly #names: KeyObject;
  readonly #prefix: string;

  readonly #forgotten: (url: string) => string;

  constructor({ storeKey, salt, prefix, forgotten }: NamesOptions) {
    this.#forgotten = forgotten;
    this.#key = derivedKey(storeKey, "shared partition", salt);
    this.#names = derivedKey(this.#key, "names");
    this.everybodys = sealOf(PUBLIC_SCOPE, derivedKey(this.#key, "public"));
    this.#prefix = prefix;
  }

  /** What tells when a page was forgotten last; empty where it was not since the salt was made. */
  forgotten(url: string): string {
    return this.#forgotten(url);
  }

  /** A version of an origin side. */
  version(short: ShortFingerprint): string {
    return `${this.#prefix}:v:${this.#hash("version", short)}`;
  }

  list(scope: Buffer, key: string): ListNames {
    const hash = this.#hash("list", scope.toString("latin1"), key);
    return { list: `${this.#prefix}:l:${hash}`, bodies: `${this.#prefix}:v:${hash}` };
  }

  /** Where a version stands in a list: of a URL each version, of a template each page. */
  place(kind: "version" | "page", what: string): string {
    return this.#hash("place", kind, what);
  }

  session(scope: Buffer, salt: Buffer): ScopeSeal {
    return sealOf(scope, derivedKey(this.#key, "session", salt));
  }

  header({ scope, check }: ScopeSeal, url: string): Buffer {
    const page = this.#hash("page", url, this.forgotten(url));
    return Buffer.concat([scope, check, Buffer.from(page, "base64url").subarray(0, PAGE_BYTES)]);
  }

  #hash(...parts: readonly string[]): string {
    return hashOf(this.#names, parts);
  }
}

export const hashOf = (secret: KeyObject, parts: readonly string[]): string =>
  createHmac("sha256", secret).update(JSON.stringify(parts)).digest().toString("base64url", 0, NAME_BYTES);
