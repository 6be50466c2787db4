import { beforeEach, describe, expect, it } from "vitest";
import { Random, seeded } from "../kit/random.ts";
import { decoders, MOST_CPU_MICROSECONDS } from "./decoders.ts";
import { mutated } from "./mutate.ts";

/** Altogether; `FUZZ_CASES` says otherwise. */
const CASES = Number(process.env.FUZZ_CASES ?? 60_000);

const ALL = await decoders();
const SHARES = ALL.reduce((sum, { share }) => sum + share, 0);

describe.each(ALL)("$name", ({ share, inputs, refuses, read }) => {
  /** At the end of the case before. */
  let spent = process.cpuUsage();
  /** What is read of it, or the error that it declares. */
  const outcome = async (bytes: Buffer, random: Random): Promise<"read" | "refused"> => {
    try {
      await read(bytes, random);
      return "read";
    } catch (error) {
      if (refuses !== undefined && error instanceof refuses) return "refused";
      throw new Error(`${bytes.toString("hex")}: ${error}`, { cause: error });
    } finally {
      const now = process.cpuUsage();
      const taken = now.user + now.system - spent.user - spent.system;
      spent = now;
      if (taken > MOST_CPU_MICROSECONDS) expect.fail(`${bytes.toString("hex")}: ${taken} microseconds`);
    }
  };

  beforeEach(() => {
    spent = process.cpuUsage();
  });

  it("reads what is right", async () => {
    for (const input of inputs) expect(await outcome(input, new Random(1))).toBe("read");
  });

  it("reads or refuses what is damaged", async () => {
    const random = seeded();
    const seen = { read: 0, refused: 0 };
    for (let count = Math.ceil((CASES * share) / SHARES); count > 0; count--) {
      const input = random.chance(0.02)
        ? random.bytes(random.int(0, 200))
        : mutated(random, random.pick(inputs));
      seen[await outcome(input, random)]++;
    }
    if (refuses !== undefined) expect(seen.refused).toBeGreaterThan(0);
  }, 3_600_000);
});
