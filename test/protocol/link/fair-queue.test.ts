import { describe, expect, it } from "vitest";
import { FairQueue, LIGHT_BYTES, URGENCIES, type Weight } from "../../../protocol/link/fair-queue.ts";
import { Differences } from "../../kit/differences.ts";
import { seeded } from "../../kit/random.ts";

const item = (name: string, urgency = 3) => {
  const weight: Weight = { bytes: 0, at: 0, waitsAs: undefined };
  return { name, urgency, weight };
};
type Named = ReturnType<typeof item>;
const drain = (queue: FairQueue<Named>) => {
  const names: string[] = [];
  for (let next = queue.next(); next !== undefined; next = queue.next()) names.push(next.name);
  return names.join("");
};

describe("a fair queue", () => {
  it("serves those of one urgency in turn", () => {
    const queue = new FairQueue<Named>();
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
    const queue = new FairQueue<Named>();
    for (let urgency = URGENCIES - 1; urgency >= 0; urgency--) queue.add(item(String(urgency), urgency));
    expect(drain(queue)).toBe("01234567");
  });

  it("holds each once", () => {
    const queue = new FairQueue<Named>();
    const a = item("a");
    queue.add(a);
    queue.add(a);
    queue.putBack(a);
    expect(queue.size).toBe(1);
    expect(queue.alike(a)).toBe(1);
    expect(drain(queue)).toBe("a");
  });

  it("gives a turn back to whom it belonged", () => {
    const queue = new FairQueue<Named>();
    for (const name of "abc") queue.add(item(name));
    queue.putBack(queue.next() as Named);
    expect(drain(queue)).toBe("abc");
  });

  it("does as a sorted list does, whatever is added and removed", () => {
    const random = seeded();
    const queue = new FairQueue<Named>();
    const items = Array.from({ length: 20 }, (_, i) => item(String(i), random.int(0, 7)));
    let model: typeof items = [];
    const differences = new Differences();
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
        differences.check(queue.next(), first, step);
        model = model.filter((each) => each !== first);
      }
      differences.check(queue.size, model.length, step);
    }
    expect(differences.found).toEqual([]);
  });
});

describe("a stream that sent much", () => {
  /** Named a to d; a and c have sent what makes them heavy. */
  const mixed = () => {
    const queue = new FairQueue<Named>();
    const items = [..."abcd"].map((name) => item(name));
    for (const heavy of [items[0], items[2]]) queue.sent(heavy as Named, 2 * LIGHT_BYTES);
    for (const each of items) queue.add(each);
    return { queue, items };
  };

  it("waits for those that sent little, in turn with its like", () => {
    const { queue, items } = mixed();
    expect([queue.alike(items[0] as Named), queue.alike(items[1] as Named)]).toEqual([2, 2]);
    expect(drain(queue)).toBe("bdac");
  });

  it("goes first when it is the turn of such, and where nobody else waits", () => {
    const { queue } = mixed();
    expect(queue.next("heavy")?.name).toBe("a");
    expect(queue.next("heavy")?.name).toBe("c");
    expect(queue.next("heavy")?.name).toBe("b");
  });

  it("does not wait for a higher urgency number, however light", () => {
    const { queue } = mixed();
    queue.add(item("later", 4));
    queue.add(item("urgent", 1));
    expect(drain(queue)).toBe("urgentbdaclater");
  });

  it("is heavy from the byte that makes it so", () => {
    for (const [bytes, order] of [
      [LIGHT_BYTES - 1, "ab"],
      [LIGHT_BYTES, "ba"],
    ] as const) {
      const queue = new FairQueue<Named>();
      const [a, b] = [item("a"), item("b")];
      queue.sent(a, bytes);
      queue.add(a);
      queue.add(b);
      expect(drain(queue)).toBe(order);
    }
  });

  it("is light again when others have sent sixty-four times as much, and stays so if it sends no more than that part", () => {
    const queue = new FairQueue<Named>();
    const [chat, bulk] = [item("chat"), item("bulk")];
    queue.sent(chat, LIGHT_BYTES);
    for (let round = 0; round < 500; round++) {
      queue.sent(bulk, 80 * 1024);
      queue.sent(chat, 1024);
    }
    queue.add(bulk);
    queue.add(chat);
    expect(drain(queue)).toBe("chatbulk");
  });

  it("is found again when it has become heavy while it waited", () => {
    const queue = new FairQueue<Named>();
    const [a, b] = [item("a"), item("b")];
    queue.add(a);
    queue.add(b);
    queue.sent(a, 2 * LIGHT_BYTES);
    queue.remove(a);
    expect(queue.size).toBe(1);
    expect(drain(queue)).toBe("b");
  });
});
