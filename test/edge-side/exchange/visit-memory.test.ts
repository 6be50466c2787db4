import { beforeEach, expect, it } from "vitest";
import { HeldPages, MOST_ROOM_WAIT_MS, VisitMemory } from "../../../edge-side/exchange/visit-memory.ts";
import { MemoryBudget } from "../../../protocol/runtime/memory-budget.ts";
import { FakeClock, settle } from "../../kit/fake-clock.ts";

let clock: FakeClock;
let memory: MemoryBudget;
let heldPages: HeldPages;
beforeEach(() => {
  clock = new FakeClock();
  memory = new MemoryBudget({ totalBytes: 150, shareBytes: 100 });
  heldPages = new HeldPages(memory);
});
const visit = (keyId = "k") => new VisitMemory({ clock, memory, heldPages }, keyId);

it("a page is counted once for all visits that hold it, until the last of them is over", () => {
  const page = Buffer.alloc(60);
  const visits = [visit(), visit(), visit()];
  for (const each of visits) expect(each.hold(page)).toBe(true);
  expect(memory.usedBytes).toBe(60);
  visits[0]?.release();
  visits[0]?.release();
  visits[1]?.release();
  expect(memory.usedBytes).toBe(60);
  visits[2]?.release();
  expect(memory.usedBytes).toBe(0);
});

it.each([
  [100, true],
  [101, false],
])("a page of %i bytes has room in a share of 100: %s", (bytes, has) => {
  const one = visit();
  expect(one.hold(Buffer.alloc(bytes))).toBe(has);
  one.release();
  expect(memory.usedBytes).toBe(0);
});

it("what a visit holds gives way to what it holds next, and stays where that has no room", () => {
  const one = visit();
  one.hold(Buffer.alloc(60));
  expect([one.hold(Buffer.alloc(50)), memory.usedBytes]).toEqual([false, 60]);
  expect([one.hold(Buffer.alloc(40)), memory.usedBytes]).toEqual([true, 40]);
});

it("a visit waits until there is room, whoever makes it, and leaves no timer", async () => {
  const [one, other] = [visit(), visit()];
  one.hold(Buffer.alloc(80));
  let has: boolean | undefined;
  void other.whenRoom(50).then((room) => {
    has = room;
  });
  const lease = memory.lease("k");
  lease.grow(20);
  lease.shrink(20);
  await settle();
  expect(has).toBeUndefined();
  one.release();
  await settle();
  expect([has, memory.usedBytes, clock.timers]).toEqual([true, 0, 0]);
});

it(`a visit waits ${MOST_ROOM_WAIT_MS} ms at most, all its waits together`, async () => {
  const [one, other] = [visit(), visit()];
  one.hold(Buffer.alloc(100));
  const first = other.whenRoom(50);
  await clock.advance(MOST_ROOM_WAIT_MS - 1);
  one.release();
  expect(await first).toBe(true);
  one.hold(Buffer.alloc(100));
  const second = other.whenRoom(50);
  await clock.advance(1);
  expect([await second, clock.timers]).toEqual([false, 0]);
});
