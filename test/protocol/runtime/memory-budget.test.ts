import { describe, expect, it } from "vitest";
import { MemoryBudget } from "../../../protocol/runtime/memory-budget.ts";
import { Differences } from "../../kit/differences.ts";
import { seeded } from "../../kit/random.ts";

const budget = () => new MemoryBudget({ totalBytes: 100, shareBytes: 60 });

describe("ByteBudget", () => {
  it("gives a tenant its share to the last byte, and not one more", () => {
    const all = budget();
    const lease = all.lease("a");
    expect(lease.grow(60)).toBe(true);
    expect(lease.grow(1)).toBe(false);
    expect(lease.bytes).toBe(60);
    expect(all.usedBytes).toBe(60);
  });

  it("counts a tenant's leases together, and tenants apart", () => {
    const all = budget();
    expect(all.lease("a").grow(40)).toBe(true);
    expect(all.lease("a").grow(21)).toBe(false);
    expect(all.lease("b").grow(60)).toBe(true);
  });

  it("gives all tenants the total to the last byte, and not one more", () => {
    const all = budget();
    expect(all.lease("a").grow(60)).toBe(true);
    const b = all.lease("b");
    expect(b.grow(41)).toBe(false);
    expect(b.bytes).toBe(0);
    expect(b.grow(40)).toBe(true);
    expect(all.usedBytes).toBe(100);
  });

  it("takes nothing when it refuses", () => {
    const all = budget();
    const lease = all.lease("a");
    lease.grow(50);
    expect(lease.grow(11)).toBe(false);
    expect(lease.grow(10)).toBe(true);
  });

  it("has back what is shrunk, at most what was held", () => {
    const all = budget();
    const lease = all.lease("a");
    const other = all.lease("a");
    lease.grow(30);
    other.grow(20);
    lease.shrink(10);
    expect([lease.bytes, all.usedBytes]).toEqual([20, 40]);
    lease.shrink(1_000);
    expect([lease.bytes, all.usedBytes]).toEqual([0, 20]);
    expect(other.grow(40)).toBe(true);
  });

  it("has everything back on release, once", () => {
    const all = budget();
    const lease = all.lease("a");
    const other = all.lease("a");
    lease.grow(30);
    other.grow(20);
    lease.release();
    lease.release();
    expect([lease.bytes, other.bytes, all.usedBytes]).toEqual([0, 20, 20]);
    expect(other.grow(40)).toBe(true);
    expect(other.grow(1)).toBe(false);
  });

  it("agrees with its leases after any sequence", () => {
    const random = seeded();
    const all = budget();
    const leases = ["a", "a", "b", "c"].map((partition) => ({ partition, lease: all.lease(partition) }));
    const differences = new Differences();
    for (let step = 0; step < 2_000; step++) {
      const { lease } = random.pick(leases);
      const bytes = random.int(0, 40);
      const kind = random.int(0, 3);
      if (kind < 2) lease.grow(bytes);
      else if (kind === 2) lease.shrink(bytes);
      else lease.release();
      const held = (of: typeof leases) => of.reduce((sum, one) => sum + one.lease.bytes, 0);
      differences.check(all.usedBytes, held(leases), step);
      differences.check(held(leases) <= 100, true, `all at ${step}`);
      for (const partition of ["a", "b", "c"]) {
        const ofPartition = held(leases.filter((one) => one.partition === partition));
        differences.check(ofPartition <= 60, true, `${partition} at ${step}`);
      }
    }
    expect(differences.found).toEqual([]);
    for (const { lease } of leases) lease.release();
    expect(all.usedBytes).toBe(0);
    expect(all.lease("a").grow(60)).toBe(true);
  });
});
