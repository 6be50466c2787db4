/**
 * What stands in the file in place of a URL, a session or a list: a keyed hash, apart for each partition, so that the file can be
 * searched and tells no page. SPEC section "Version store".
 */
import { createHmac, type KeyObject } from "node:crypto";
import type { ScopeKey } from "../../store/page-index.ts";
import type { Partition } from "../../store/partition.ts";

const NAME_BYTES = 16;

export class FileNames {
  readonly #secret: KeyObject;

  constructor(secret: KeyObject) {
    this.#secret = secret;
  }

  scope(partition: Partition, scopeKey: ScopeKey): Buffer {
    return this.#hash(["scope", partition, scopeKey]);
  }

  page(partition: Partition, url: string): Buffer {
    return this.#hash(["page", partition, url]);
  }

  list(partition: Partition, scopeKey: ScopeKey, key: string): Buffer {
    return this.#hash(["list", partition, scopeKey, key]);
  }

  #hash(parts: readonly string[]): Buffer {
    return createHmac("sha256", this.#secret).update(JSON.stringify(parts)).digest().subarray(0, NAME_BYTES);
  }
}
