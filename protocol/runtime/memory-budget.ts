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

/** What a partition has taken. */
interface Account {
  usedBytes: number;
}

export class MemoryBudget {
  readonly totalBytes: number;
  readonly shareBytes: number;
  #usedBytes = 0;
  /** One for each partition that ever took a lease: there are no more than keys. */
  readonly #accounts = new Map<string, Account>();
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
    let account = this.#accounts.get(partition);
    if (account === undefined) {
      account = { usedBytes: 0 };
      this.#accounts.set(partition, account);
    }
    return new BudgetLease(this, account);
  }

  /** For leases. @internal */
  take(account: Account, bytes: number): boolean {
    const isShort = this.#usedBytes + bytes > this.totalBytes;
    if (isShort || account.usedBytes + bytes > this.shareBytes) {
      this.#full(isShort ? "memory.budget" : "memory.perKey");
      return false;
    }
    this.#usedBytes += bytes;
    account.usedBytes += bytes;
    return true;
  }

  /** For leases. @internal */
  giveBack(account: Account, bytes: number): void {
    this.#usedBytes -= bytes;
    account.usedBytes -= bytes;
    if (this.#waiting.size > 0) for (const freed of [...this.#waiting]) freed();
  }
}

/** A class and no literal with a getter, which V8 makes with a call into its runtime: there are two for every exchange. */
class BudgetLease implements Lease {
  readonly #budget: MemoryBudget;
  readonly #account: Account;
  bytes = 0;

  constructor(budget: MemoryBudget, account: Account) {
    this.#budget = budget;
    this.#account = account;
  }

  grow(bytes: number): boolean {
    if (!this.#budget.take(this.#account, bytes)) return false;
    this.bytes += bytes;
    return true;
  }

  shrink(bytes: number): void {
    const back = Math.min(bytes, this.bytes);
    this.bytes -= back;
    if (back > 0) this.#budget.giveBack(this.#account, back);
  }

  release(): void {
    this.shrink(this.bytes);
  }
}
