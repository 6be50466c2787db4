import { describe, expect, it } from "vitest";
import { type WorkerState, workerForLink, workerForVisitor } from "../../../edge-side/run/pick-worker.ts";
import { seeded } from "../../kit/random.ts";

const workers = (count: number, more: Partial<WorkerState> = {}): WorkerState[] =>
  Array.from({ length: count }, (_, i) => ({ number: i + 1, keys: 1, tunnels: 0, ...more }));

const nobody = () => false;
const everybody = () => true;
const addresses = (count: number): string[] => {
  const random = seeded();
  return Array.from({ length: count }, () => Array.from({ length: 4 }, () => random.int(1, 254)).join("."));
};

describe("the worker for a visitor", () => {
  it("is the same for every connection of an address, and each gets its part of the addresses", () => {
    const able = workers(4);
    const counts = new Map<number, number>();
    for (const address of addresses(2_000)) {
      const picked = [1_000, 2_000, 65_000].map((port) => workerForVisitor(able, { address, port }, nobody));
      expect(new Set(picked).size).toBe(1);
      const number = picked[0]?.number ?? 0;
      counts.set(number, (counts.get(number) ?? 0) + 1);
    }
    for (const { number } of able) expect(counts.get(number)).toBeGreaterThan(400);
  });

  it("stays, when another worker is gone", () => {
    const able = workers(4);
    for (const address of addresses(500)) {
      const from = { address, port: 1 };
      const before = workerForVisitor(able, from, nobody);
      const after = workerForVisitor(
        able.filter(({ number }) => number !== 2),
        from,
        nobody,
      );
      if (before?.number !== 2) expect(after).toBe(before);
    }
  });

  it("is one for a whole /64, and for an IPv4 address in either form", () => {
    const able = workers(64);
    const of = (address: string) => workerForVisitor(able, { address, port: 1 }, nobody);
    expect(of("2001:db8:1:2::1")).toBe(of("2001:db8:1:2:ffff:ffff:ffff:ffff"));
    expect(of("2001:db8:1:2::1")).not.toBe(of("2001:db8:1:3::1"));
    expect(of("::ffff:192.0.2.7")).toBe(of("192.0.2.7"));
  });

  it("is any one behind a trusted proxy, each connection for itself", () => {
    const able = workers(4);
    const counts = new Map<number, number>();
    for (let port = 1_000; port < 3_000; port++) {
      const number = workerForVisitor(able, { address: "10.0.0.1", port }, everybody)?.number ?? 0;
      counts.set(number, (counts.get(number) ?? 0) + 1);
    }
    for (const { number } of able) expect(counts.get(number)).toBeGreaterThan(400);
  });

  it("is none that lacks links which others have, unless all do", () => {
    const [one, two, three] = workers(3, { keys: 2 });
    const fresh = { ...(two as WorkerState), keys: 1 };
    for (const address of addresses(200))
      expect(
        workerForVisitor([one as WorkerState, fresh, three as WorkerState], { address, port: 1 }, nobody),
      ).not.toBe(fresh);
    const unlinked = workers(2, { keys: 0 });
    expect(unlinked).toContain(workerForVisitor(unlinked, { address: "192.0.2.1", port: 1 }, nobody));
    expect(workerForVisitor([], { address: "192.0.2.1", port: 1 }, nobody)).toBeUndefined();
  });
});

describe("the worker for a link", () => {
  it("is one with the fewest, by chance where there are several", () => {
    const able = [3, 1, 1].map((tunnels, i) => ({ number: i + 1, keys: 0, tunnels }));
    const picked = (chance: number) => workerForLink(able, () => chance)?.number;
    expect([0, 0.49, 0.5, 0.99].map(picked)).toEqual([2, 2, 3, 3]);
    expect(workerForLink([], () => 0)).toBeUndefined();
  });
});
