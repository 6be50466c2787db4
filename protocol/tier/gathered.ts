/**
 * Versions on their way to a tier below memory: bounded in bytes and in number, those that are being written counted; what comes beyond is
 * lost. Of one page no more wait than its list keeps, the newest, and those that come soon after others were written wait for a while: a
 * page that changes with each request is not written as often.
 */
import type { Clock, Timer } from "../runtime/clock.ts";
import { TurnoverMap } from "../runtime/turnover.ts";
import { KEPT_PER_URL } from "../store/page-index.ts";
import { type Forgotten, isOf, type StoredVersion } from "./lower-tier.ts";

/** @internal */
export const MOST_WAITING_BYTES = 32 * 1024 * 1024;
/** What one takes beside its body: names, objects. @internal */
export const ITEM_BYTES = 1_024;
/** Between two times that something of a page is written. @internal */
export const PAGE_REST_MS = 700;

interface GatheredOptions {
  readonly clock: Clock;
  /** What is put waits so long for more. */
  readonly gatherMs: number;
  /** Called when it is time to take something. */
  due(): void;
}

export class Gathered {
  readonly #options: GatheredOptions;
  /** What waits of each page, the oldest first; never none. */
  readonly #pages = new TurnoverMap<string, StoredVersion[]>();
  /** Pages of which something waits and may be written, the first that came first. */
  readonly #ready = new Set<string>();
  /** When something of a page was taken, the oldest first, whether or not anything of it waits. */
  readonly #resting = new Map<string, number>();
  #restMs = PAGE_REST_MS;
  #isEnding = false;
  #bytes = 0;
  #next: { readonly at: number; readonly timer: Timer } | undefined;
  /** Versions that were not written, because the tier is too slow or failed. */
  dropped = 0;

  constructor(options: GatheredOptions) {
    this.#options = options;
  }

  /** Something may be taken at once. */
  get isReady(): boolean {
    return this.#ready.size > 0;
  }

  /** False where there is no room. */
  add(version: StoredVersion): boolean {
    const name = pageOf(version);
    const waiting = this.#pages.get(name) ?? [];
    const oldest = waiting.length < KEPT_PER_URL ? undefined : waiting.shift();
    if (oldest !== undefined) {
      this.#bytes -= sizeOf(oldest);
      if (this.#ready.delete(name)) this.#ready.add(name); // what waits of it now came later
    }
    const bytes = sizeOf(version);
    if (this.#bytes + bytes > MOST_WAITING_BYTES) {
      this.dropped++;
      return false;
    }
    this.#bytes += bytes;
    waiting.push(version);
    this.#pages.set(name, waiting);
    const takenAt = this.#resting.get(name);
    if (takenAt === undefined) this.#ready.add(name);
    this.#dueFrom(takenAt === undefined ? 0 : takenAt + this.#restMs);
    return true;
  }

  /** What may be written now, of whole pages, until there are `most` or a few more; call `settled` with their bytes afterwards. */
  take(most = Number.POSITIVE_INFINITY): StoredVersion[] {
    const now = this.#options.clock.now();
    this.#stop();
    for (const [name, at] of this.#resting) {
      if (now - at < this.#restMs) break;
      this.#resting.delete(name);
      if (this.#pages.has(name)) this.#ready.add(name);
    }
    const taken: StoredVersion[] = [];
    for (const name of this.#ready) {
      if (taken.length >= most) break;
      taken.push(...(this.#pages.get(name) ?? []));
      this.#pages.delete(name);
      this.#ready.delete(name);
      this.#resting.set(name, now);
    }
    this.#dueFrom(this.isReady ? 0 : this.#firstRest());
    return taken;
  }

  /** From now on no page rests, and nothing is due: what is left is taken at the end. */
  hurry(): void {
    this.#restMs = 0;
    this.#isEnding = true;
    this.#stop();
  }

  settled(bytes: number): void {
    this.#bytes -= bytes;
  }

  forget(what: Forgotten): void {
    for (const [name, versions] of this.#pages)
      for (const version of [...versions]) if (isOf(version, what)) this.#remove(version, name);
  }

  /** They are lost. */
  dropAll(): void {
    for (const [name, versions] of this.#pages)
      for (const version of [...versions]) {
        this.dropped++;
        this.#remove(version, name);
      }
  }

  /** Something may be taken from then on. */
  #dueFrom(from: number | undefined): void {
    if (from === undefined || this.#isEnding) return;
    if (this.#next !== undefined && this.#next.at <= from) return;
    const { clock, gatherMs } = this.#options;
    const now = clock.now();
    const at = Math.max(now + gatherMs, from);
    if (this.#next !== undefined && this.#next.at <= at) return;
    this.#stop();
    const due = () => {
      this.#next = undefined;
      this.#options.due();
    };
    this.#next = { at, timer: clock.after(at - now, due) };
  }

  #stop(): void {
    this.#next?.timer.cancel();
    this.#next = undefined;
  }

  /** When the first page of which something waits has rested. */
  #firstRest(): number | undefined {
    for (const [name, at] of this.#resting) if (this.#pages.has(name)) return at + this.#restMs;
    return undefined;
  }

  #remove(version: StoredVersion, name: string): void {
    const page = this.#pages.get(name);
    this.#bytes -= sizeOf(version);
    page?.splice(page.indexOf(version), 1);
    if (page?.length !== 0) return;
    this.#pages.delete(name);
    this.#ready.delete(name);
  }
}

const pageOf = ({ partition, place: { scopeKey, url } }: StoredVersion): string =>
  `${partition} ${scopeKey} ${url}`;

const sizeOf = ({ body }: StoredVersion): number => body.length + ITEM_BYTES;

export const bytesOf = (versions: readonly StoredVersion[]): number =>
  versions.reduce((sum, version) => sum + sizeOf(version), 0);
