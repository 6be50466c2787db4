/**
 * Versions on their way to a tier below memory: bounded in bytes and in number, those that are being written counted; what comes beyond is
 * lost. Of one page no more wait than its list keeps: a page that changes with each request is not written as often.
 */
import { KEPT_PER_URL } from "../store/page-index.ts";
import { type Forgotten, isOf, type StoredVersion } from "./lower-tier.ts";

/** @internal */
export const MOST_WAITING_BYTES = 32 * 1024 * 1024;
/** What one takes beside its body: names, copies of them, objects. @internal */
export const ITEM_BYTES = 1_024;

export class Gathered {
  /** The oldest first. */
  readonly #versions = new Set<StoredVersion>();
  /** Those of each page. */
  readonly #pages = new Map<string, Set<StoredVersion>>();
  #bytes = 0;
  /** Versions that were not written, because the tier is too slow or failed. */
  dropped = 0;

  /** False where there is no room. */
  add(version: StoredVersion): boolean {
    const name = pageOf(version);
    const [oldest, ...others] = this.#pages.get(name) ?? [];
    if (oldest !== undefined && others.length + 1 >= KEPT_PER_URL) {
      this.#remove(oldest);
      this.#bytes -= bytesOf([oldest]);
    }
    const bytes = bytesOf([version]);
    if (this.#bytes + bytes > MOST_WAITING_BYTES) {
      this.dropped++;
      return false;
    }
    this.#bytes += bytes;
    this.#versions.add(version);
    const page = this.#pages.get(name) ?? new Set();
    this.#pages.set(name, page.add(version));
    return true;
  }

  /** The oldest, to be written; call `settled` with their bytes afterwards. */
  take(most = Number.POSITIVE_INFINITY): StoredVersion[] {
    const taken: StoredVersion[] = [];
    for (const version of this.#versions) {
      if (taken.length === most) break;
      taken.push(version);
      this.#remove(version);
    }
    return taken;
  }

  settled(bytes: number): void {
    this.#bytes -= bytes;
  }

  forget(what: Forgotten): void {
    for (const version of this.#versions)
      if (isOf(version, what)) {
        this.#remove(version);
        this.#bytes -= bytesOf([version]);
      }
  }

  /** They are lost. */
  dropAll(): void {
    const lost = this.take();
    this.dropped += lost.length;
    this.#bytes -= bytesOf(lost);
  }

  #remove(version: StoredVersion): void {
    this.#versions.delete(version);
    const name = pageOf(version);
    const page = this.#pages.get(name);
    page?.delete(version);
    if (page?.size === 0) this.#pages.delete(name);
  }
}

const pageOf = ({ partition, place: { scopeKey, url } }: StoredVersion): string =>
  `${partition} ${scopeKey} ${url}`;

export const bytesOf = (versions: readonly StoredVersion[]): number =>
  versions.reduce((sum, { body }) => sum + body.length + ITEM_BYTES, 0);
