/**
 * One budget of bytes per daemon for everything that is not the version store: bodies being assembled, retained answers,
 * queues. A partition (one link key) may hold only its share, so one busy or hostile key cannot starve the others. Nothing
 * here allocates: callers ask before they spend. SPEC section "Memory".
 */

/** Bytes taken from a budget by one holder; given back as a whole. */
export interface Lease {
  readonly bytes: number;
  /** Takes `bytes` more; false, and nothing taken, when the budget or the partition's share does not have them. */
  grow(bytes: number): boolean;
  /** Gives back `bytes` of what is held. */
  shrink(bytes: number): void;
  /** Gives everything back; safe to call twice. */
  release(): void;
}

export class MemoryBudget {
  readonly totalBytes: number;
  readonly shareBytes: number;
  #usedBytes = 0;
  readonly #usedByPartition = new Map<string, number>();
  readonly #waiting = new Set<() => void>();

  readonly #full: (limit: "memory.budget" | "memory.perKey") => void;

  /** `full`: bytes were asked for that there are not. */
  constructor(bounds: {
    readonly totalBytes: number;
    readonly shareBytes: number;
    readonly full?: (limit: "memory.budget" | "memory.perKey") => void;
  }) {
    this.totalBytes = bounds.totalBytes;
    this.shareBytes = bounds.shareBytes;
    this.#full = bounds.full ?? (() => {});
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** Runs `run` once, when bytes come back, or at once when what this returns is called. */
  onceFreed(run: () => void): () => void {
    const once = () => {
      if (this.#waiting.delete(once)) run();
    };
    this.#waiting.add(once);
    return once;
  }

  lease(partition: string): Lease {
    return new BudgetLease(
      (bytes) => this.#take(partition, bytes),
      (bytes) => this.#giveBack(partition, bytes),
    );
  }

  #take(partition: string, bytes: number): boolean {
    const used = this.#usedByPartition.get(partition) ?? 0;
    const isShort = this.#usedBytes + bytes > this.totalBytes;
    if (isShort || used + bytes > this.shareBytes) {
      this.#full(isShort ? "memory.budget" : "memory.perKey");
      return false;
    }
    this.#usedBytes += bytes;
    this.#usedByPartition.set(partition, used + bytes);
    return true;
  }

  #giveBack(partition: string, bytes: number): void {
    this.#usedBytes -= bytes;
    const left = (this.#usedByPartition.get(partition) ?? 0) - bytes;
    if (left > 0) this.#usedByPartition.set(partition, left);
    else this.#usedByPartition.delete(partition);
    if (bytes > 0 && this.#waiting.size > 0) for (const freed of [...this.#waiting]) freed();
  }
}

/** A class and no literal with a getter, which V8 makes with a call into its runtime: there are two for every exchange. */
class BudgetLease implements Lease {
  readonly #take: (bytes: number) => boolean;
  readonly #giveBack: (bytes: number) => void;
  bytes = 0;

  constructor(take: (bytes: number) => boolean, giveBack: (bytes: number) => void) {
    this.#take = take;
    this.#giveBack = giveBack;
  }

  grow(bytes: number): boolean {
    if (!this.#take(bytes)) return false;
    this.bytes += bytes;
    return true;
  }

  shrink(bytes: number): void {
    const back = Math.min(bytes, this.bytes);
    this.bytes -= back;
    this.#giveBack(back);
  }

  release(): void {
    this.shrink(this.bytes);
  }
}
