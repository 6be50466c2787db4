import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, it } from "vitest";
import { TaskSet, TurnoverMap } from "../../../protocol/runtime/turnover.ts";
import { settle } from "../../kit/fake-clock.ts";

it("is over when each work is, and not before", async () => {
  const [one, other] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const works = new TaskSet();
  works.add(one.promise);
  works.add(other.promise);
  let over = false;
  const waiting = works.over().then(() => {
    over = true;
  });
  one.resolve();
  await settle();
  expect(over).toBe(false);
  other.resolve();
  await waiting;
  await works.over();
});

it("has what was added and not deleted, in that order, however much came and went", () => {
  const map = new TurnoverMap<number, string>();
  for (let key = 0; key < 1_000; key++) {
    map.set(key, `${key}`);
    if (key % 100 !== 0) map.delete(key);
  }
  map.set(300, "again");
  expect([...map]).toEqual(
    [0, 100, 200, 300, 400, 500, 600, 700, 800, 900].map((key) => [key, key === 300 ? "again" : `${key}`]),
  );
  expect(map.size).toBe(10);
});

it("lets scavenges free what went through it, though it is old itself", () => {
  setFlagsFromString("--expose-gc");
  const gc: (options?: { type: "minor" }) => void = runInNewContext("gc");
  const minor = () => gc({ type: "minor" });
  const map = new TurnoverMap<number, Buffer>();
  const pass = (many: number) => {
    for (let key = 0; key < many; key++) {
      map.set(key, Buffer.allocUnsafeSlow(PAGE_BYTES));
      map.delete(key - LIVE);
    }
  };
  gc();
  const before = process.memoryUsage().arrayBuffers;
  pass(100);
  // What outlives two of them is old.
  for (let times = 0; times < 2; times++) minor();
  pass(2_000);
  // The last one waits for what the one before it freed.
  for (let times = 0; times < 3; times++) minor();
  const kept = (process.memoryUsage().arrayBuffers - before) / PAGE_BYTES;
  expect(kept).toBeLessThan(300);
});

const PAGE_BYTES = 10_000;
const LIVE = 10;
