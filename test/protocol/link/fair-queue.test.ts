import { describe, expect, it } from "vitest";
import { FairQueue, URGENCIES } from "../../../protocol/link/fair-queue.ts";
import { seeded } from "../../kit/random.ts";

const item = (name: string, urgency = 3) => ({ name, urgency });
const drain = (queue: FairQueue<{ name: string; urgency: number }>) => {
  const names: string[] = [];
  for (let next = queue.next(); next !== undefined; next = queue.next()) names.push(next.name);
  return names.join("");
};

describe("a fair queue", () => {
  it("serves those of one urgency in turn", () => {
    const queue = new FairQueue<{ name: string; urgency: number }>();
    for (const name of "abc") queue.add(item(name));
    let served = "";
    for (let turn = 0; turn < 7; turn++) {
      const next = queue.next();
      if (next === undefined) break;
      served += next.name;
      queue.add(next);
    }
    expect(served).toBe("abcabca");
  });

  it("serves lower urgency numbers first", () => {
    const queue = new FairQueue<{ name: string; urgency: number }>();
    for (let urgency = URGENCIES - 1; urgency >= 0; urgency--) queue.add(item(String(urgency), urgency));
    expect(drain(queue)).toBe("01234567");
  });

  it("holds each once", () => {
    const queue = new FairQueue<{ name: string; urgency: number }>();
    const a = item("a");
    queue.add(a);
    queue.add(a);
    queue.putBack(a);
    expect(queue.size).toBe(1);
    expect(queue.alike(a)).toBe(1);
    expect(drain(queue)).toBe("a");
  });

  it("gives a turn back to whom it belonged", () => {
    const queue = new FairQueue<{ name: string; urgency: number }>();
    for (const name of "abc") queue.add(item(name));
    queue.putBack(queue.next() as { name: string; urgency: number });
    expect(drain(queue)).toBe("abc");
  });

  it("does as a sorted list does, whatever is added and removed", () => {
    const random = seeded();
    const queue = new FairQueue<{ name: string; urgency: number }>();
    const items = Array.from({ length: 20 }, (_, i) => item(String(i), random.int(0, 7)));
    let model: typeof items = [];
    for (let step = 0; step < 5000; step++) {
      const one = random.pick(items);
      const act = random.int(0, 2);
      if (act === 0) {
        queue.add(one);
        if (!model.includes(one)) model.push(one);
      } else if (act === 1) {
        queue.remove(one);
        model = model.filter((each) => each !== one);
      } else {
        const first = model.toSorted((a, b) => a.urgency - b.urgency)[0];
        expect(queue.next()).toBe(first);
        model = model.filter((each) => each !== first);
      }
      expect(queue.size).toBe(model.length);
    }
  });
});
