/**
 * What one visit takes of the memory budget: the coded bytes that it collects, and its page until the visitor has it. A page that is
 * sent to several visitors at once is one buffer, and counts once. SPEC section "Memory".
 */

import type { Clock } from "../../protocol/runtime/clock.ts";
import type { Lease, MemoryBudget } from "../../protocol/runtime/memory-budget.ts";

/** A visit waits so long altogether for others to give memory back; then it fails. @internal */
export const MOST_ROOM_WAIT_MS = 10_000;

/** Pages that visitors are taking, by the buffer that they are. */
export class HeldPages {
  readonly #memory: MemoryBudget;
  /** Weak, since a Map would keep them longer (see TurnoverMap). */
  readonly #held = new WeakMap<Buffer, { readonly lease: Lease; visits: number }>();

  constructor(memory: MemoryBudget) {
    this.#memory = memory;
  }

  /** Call what this returns, once, to let go; undefined: there is no memory for it. */
  hold(page: Buffer, keyId: string): (() => void) | undefined {
    const held = this.#held.get(page) ?? { lease: this.#memory.lease(keyId), visits: 0 };
    if (held.visits === 0 && !held.lease.grow(page.length)) return undefined;
    held.visits++;
    this.#held.set(page, held);
    return () => {
      held.visits--;
      if (held.visits > 0) return;
      this.#held.delete(page);
      held.lease.release();
    };
  }
}

export interface VisitMemoryDependencies {
  readonly clock: Clock;
  readonly memory: MemoryBudget;
  readonly heldPages: HeldPages;
}

export class VisitMemory {
  readonly lease: Lease;
  readonly #options: VisitMemoryDependencies;
  readonly #keyId: string;
  #waitsUntil: number | undefined;
  #letGo: () => void = () => {};

  constructor(options: VisitMemoryDependencies, keyId: string) {
    this.#options = options;
    this.#keyId = keyId;
    this.lease = options.memory.lease(keyId);
  }

  /** Counts the page until the visit is over, or holds something else; false, and nothing counted, without memory. */
  hold(page: Buffer): boolean {
    const letGo = this.#options.heldPages.hold(page, this.#keyId);
    if (letGo === undefined) return false;
    this.#letGo();
    this.#letGo = letGo;
    return true;
  }

  /** Resolves when there is memory for this much, which others may still take first; false: there was none in time. */
  async whenRoom(bytes: number): Promise<boolean> {
    const { clock, memory } = this.#options;
    this.#waitsUntil ??= clock.now() + MOST_ROOM_WAIT_MS;
    while (!this.#hasRoom(bytes)) {
      const remainingMs = this.#waitsUntil - clock.now();
      if (remainingMs <= 0) return false;
      await new Promise<void>((resolve) => {
        const timer = clock.after(remainingMs, () => go());
        const go = memory.onceFreed(() => {
          timer.cancel();
          resolve();
        });
      });
    }
    return true;
  }

  release(): void {
    this.#letGo();
    this.#letGo = () => {};
    this.lease.release();
  }

  #hasRoom(bytes: number): boolean {
    const has = this.lease.grow(bytes);
    if (has) this.lease.shrink(bytes);
    return has;
  }
}
