/** Versions on their way to a tier below memory: bounded in bytes and in number, those that are being written counted; what comes beyond is lost. */
import { type Forgotten, isOf, type StoredVersion } from "./lower-tier.ts";

/** @internal */
export const MOST_WAITING_BYTES = 32 * 1024 * 1024;
/** What one takes beside its body: names, copies of them, objects. @internal */
export const ITEM_BYTES = 1_024;

export class Gathered {
  #versions: StoredVersion[] = [];
  #bytes = 0;
  /** Versions that were not written, because the tier is too slow or failed. */
  dropped = 0;

  /** False where there is no room. */
  add(version: StoredVersion): boolean {
    const bytes = bytesOf([version]);
    if (this.#bytes + bytes > MOST_WAITING_BYTES) {
      this.dropped++;
      return false;
    }
    this.#bytes += bytes;
    this.#versions.push(version);
    return true;
  }

  /** The oldest, to be written; call `settled` with their bytes afterwards. */
  take(most = Number.POSITIVE_INFINITY): StoredVersion[] {
    return this.#versions.splice(0, Math.min(most, this.#versions.length));
  }

  settled(bytes: number): void {
    this.#bytes -= bytes;
  }

  forget(what: Forgotten): void {
    const [gone, kept] = [true, false].map((is) => this.#versions.filter((each) => isOf(each, what) === is));
    this.#versions = kept ?? [];
    this.#bytes -= bytesOf(gone ?? []);
  }

  /** They are lost. */
  dropAll(): void {
    this.dropped += this.#versions.length;
    this.#bytes -= bytesOf(this.#versions);
    this.#versions = [];
  }
}

export const bytesOf = (versions: readonly StoredVersion[]): number =>
  versions.reduce((sum, { body }) => sum + body.length + ITEM_BYTES, 0);
