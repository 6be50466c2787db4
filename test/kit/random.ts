/**
 * Chance that can be repeated. A random test asks for one `seeded` source; its seed comes from the environment variable
 * SEED or from the machine, and is printed when the test fails, so that `SEED=... npm test` fails again alike.
 */
import { randomInt } from "node:crypto";
import { onTestFailed } from "vitest";

const TWO_32 = 2 ** 32;

export class Random {
  readonly seed: number;
  #state: number;

  constructor(seed: number) {
    this.seed = seed >>> 0;
    this.#state = this.seed;
  }

  /** 0 <= x < 1; the mulberry32 generator. Bound to this source, so it can be passed as `chance`. */
  readonly next = (): number => {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / TWO_32;
  };

  /** A whole number, `least` <= n <= `most`. */
  int(least: number, most: number): number {
    return least + Math.floor(this.next() * (most - least + 1));
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  pick<T>(of: readonly T[]): T {
    const picked = of[this.int(0, of.length - 1)];
    if (picked === undefined) throw new RangeError("nothing to pick from");
    return picked;
  }

  bytes(count: number): Buffer {
    const bytes = Buffer.alloc(count);
    for (let at = 0; at < count; at++) bytes[at] = this.int(0, 255);
    return bytes;
  }

  /** A copy in random order. */
  shuffled<T>(items: readonly T[]): T[] {
    const rest = [...items];
    const out: T[] = [];
    while (rest.length > 0) out.push(...rest.splice(this.int(0, rest.length - 1), 1));
    return out;
  }
}

/** The source of one test; call it inside the test. Prints its seed if that test fails. */
export const seeded = (): Random => {
  const options = process.env.SEED;
  const random = new Random(options === undefined ? randomInt(TWO_32) : Number(options));
  onTestFailed(() => console.error(`chance of this test: SEED=${random.seed}`));
  return random;
};
