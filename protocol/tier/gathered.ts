/**
 * Versions on their way to a tier below memory: bounded in bytes and in number, those that are being written counted; what comes beyond is
 * lost. Of one page no more wait than its list keeps, the newest, and those that come soon after others were written wait for a while: a
 * page that changes with each request is not written as often.
 */
import type { Clock } from "../runtime/clock.ts";
import { KEPT_PER_URL } from "../store/page-index.ts";
import { type Forgotten, isOf, type StoredVersion } from "./lower-tier.ts";

/** @internal */
export const MOST_WAITING_BYTES = 32 * 1024 * 1024;
/** What one takes beside its body: names, objects. @internal */
export const ITEM_BYTES = 1_024;
/** Between two times that something of a page is written. @internal */
export const PAGE_REST_MS = 700;

export class Gathered {
  readonly #clock: Pick<Clock, "now">;
  /** The oldest first. */
  readonly #versions = new Set<StoredVersion>();
  /** Those of each page. */
  readonly #pages = new Map<string, Set<StoredVersion>>();
  /** When something of a page was taken last, the oldest first; only pages that rest still. */
  readonly #resting = new Map<string, number>();
  #restMs = PAGE_REST_MS;
  #bytes = 0;
  /** Versions that were not written, because the tier is too slow or failed. */
  dropped = 0;

  constructor(clock: Pick<Clock, "now">) {
    this.#clock = clock;
  }

  get isEmpty(): boolean {
    return this.#versions.size === 0;
  }

  /** False where there is no room. */
  add(version: StoredVersion): boolean {
    const name = pageOf(version);
    const page = this.#pages.get(name) ?? new Set();
    if (page.size >= KEPT_PER_URL) {
      for (const oldest of page) {
        this.#remove(oldest, name, page);
        this.#bytes -= bytesOf([oldest]);
        break;
      }
    }
    const bytes = bytesOf([version]);
    if (this.#bytes + bytes > MOST_WAITING_BYTES) {
      this.dropped++;
      return false;
    }
    this.#bytes += bytes;
    this.#versions.add(version);
    this.#pages.set(name, page.add(version));
    return true;
  }

  /** The oldest that may be written now; call `settled` with their bytes afterwards. */
  take(most = Number.POSITIVE_INFINITY): StoredVersion[] {
    const now = this.#clock.now();
    for (const [name, at] of this.#resting) {
      if (now - at < this.#restMs) break;
      this.#resting.delete(name);
    }
    const taken: StoredVersion[] = [];
    const pages = new Set<string>();
    for (const version of this.#versions) {
      if (taken.length === most) break;
      const name = pageOf(version);
      if (this.#resting.has(name)) continue;
      taken.push(version);
      pages.add(name);
      this.#remove(version, name);
    }
    for (const name of pages) this.#resting.set(name, now);
    return taken;
  }

  /** From now on no page rests: for what is left at the end. */
  hurry(): void {
    this.#restMs = 0;
    this.#resting.clear();
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
    this.dropped += this.#versions.size;
    this.#bytes -= bytesOf([...this.#versions]);
    this.#versions.clear();
    this.#pages.clear();
  }

  #remove(version: StoredVersion, name = pageOf(version), page = this.#pages.get(name)): void {
    this.#versions.delete(version);
    page?.delete(version);
    if (page?.size === 0) this.#pages.delete(name);
  }
}

const pageOf = ({ partition, place: { scopeKey, url } }: StoredVersion): string =>
  `${partition} ${scopeKey} ${url}`;

export const bytesOf = (versions: readonly StoredVersion[]): number =>
  versions.reduce((sum, { body }) => sum + body.length + ITEM_BYTES, 0);
