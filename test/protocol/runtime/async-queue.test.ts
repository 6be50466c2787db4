import { describe, expect, it } from "vitest";
import { AsyncQueue, LATE } from "../../../protocol/runtime/async-queue.ts";
import { FakeClock, settle } from "../../kit/fake-clock.ts";

const failure = new Error("it ended");

describe("an inbox", () => {
  it("gives what was pushed, in order, now or when it comes", async () => {
    const inbox = new AsyncQueue<number>();
    inbox.push(1);
    inbox.push(2);
    expect([inbox.length, await inbox.next(), inbox.take(), inbox.take()]).toEqual([2, 1, 2, undefined]);
    const next = inbox.next();
    inbox.push(3);
    expect(await next).toBe(3);
  });

  it("after a failure gives what came before it, then the failure, again and again", async () => {
    const inbox = new AsyncQueue<number>();
    inbox.push(1);
    inbox.fail(failure);
    inbox.fail(new Error("another"));
    expect(await inbox.next()).toBe(1);
    await expect(inbox.next()).rejects.toBe(failure);
    await expect(inbox.next()).rejects.toBe(failure);
    expect(() => inbox.take()).toThrow(failure);
  });

  it("wakes who waits when it fails", async () => {
    const clock = new FakeClock();
    for (const wait of [
      (inbox: AsyncQueue<number>) => inbox.next(),
      (inbox: AsyncQueue<number>) => inbox.nextWithin(clock, 10),
      (inbox: AsyncQueue<number>) => inbox.nextUnlessInterrupted(),
      (inbox: AsyncQueue<number>) => inbox.nextUnless({ clock, other: new AsyncQueue<string>() }),
      (inbox: AsyncQueue<number>) =>
        inbox.nextUnless({ clock, other: new AsyncQueue<string>(), withinMs: 10 }),
    ]) {
      const inbox = new AsyncQueue<number>();
      const waiting = wait(inbox);
      inbox.fail(failure);
      await expect(waiting).rejects.toBe(failure);
    }
    expect(clock.timers).toBe(0);
  });
});

describe("a bounded wait", () => {
  it("ends with what comes in time, and leaves no timer", async () => {
    const clock = new FakeClock();
    const inbox = new AsyncQueue<number>();
    const waiting = inbox.nextWithin(clock, 10);
    await clock.advance(9);
    inbox.push(1);
    expect([await waiting, clock.timers]).toEqual([1, 0]);
  });

  it("ends late after its time, and what comes later is not lost", async () => {
    const clock = new FakeClock();
    const inbox = new AsyncQueue<number>();
    const waiting = inbox.nextWithin(clock, 10);
    await clock.advance(10);
    expect(await waiting).toBe(LATE);
    inbox.push(1);
    expect(await inbox.nextWithin(clock, 0)).toBe(1);
  });

  it("of no time at all is late at once", async () => {
    const clock = new FakeClock();
    expect([await new AsyncQueue<number>().nextWithin(clock, 0), clock.timers]).toEqual([LATE, 0]);
  });
});

describe("a wait for two inboxes", () => {
  const two = () => {
    const clock = new FakeClock();
    const [inbox, other] = [new AsyncQueue<number>(), new AsyncQueue<string>()];
    return {
      clock,
      inbox,
      other,
      wait: (withinMs?: number) =>
        inbox.nextUnless({ clock, other, ...(withinMs !== undefined && { withinMs }) }),
    };
  };

  it("gives what comes to the first, and leaves no timer", async () => {
    const { inbox, clock, wait } = two();
    for (const withinMs of [undefined, 10]) {
      const waiting = wait(withinMs);
      inbox.push(1);
      expect([await waiting, clock.timers]).toEqual([1, 0]);
    }
  });

  it("is late when something comes to the other, or is there, and takes nothing of it", async () => {
    const { other, clock, wait } = two();
    const waiting = wait(10);
    other.push("a");
    expect([await waiting, await wait(), await wait(10), clock.timers]).toEqual([LATE, LATE, LATE, 0]);
    expect(await other.next()).toBe("a");
  });

  it("prefers the first", async () => {
    const { inbox, other, wait } = two();
    other.push("a");
    inbox.push(1);
    expect(await wait()).toBe(1);
  });

  it("is late when the other fails, or has failed", async () => {
    const { other, wait } = two();
    const waiting = wait();
    other.fail(failure);
    expect([await waiting, await wait()]).toEqual([LATE, LATE]);
  });

  it("is late after its time, and what comes later is not lost", async () => {
    const { inbox, other, clock, wait } = two();
    const waiting = wait(10);
    await clock.advance(10);
    expect(await waiting).toBe(LATE);
    inbox.push(1);
    other.push("a");
    expect([await inbox.next(), await other.next()]).toEqual([1, "a"]);
  });

  it("leaves the other as it was: later waits for it are its own", async () => {
    const { inbox, other, wait } = two();
    const waiting = wait();
    inbox.push(1);
    await waiting;
    const own = other.next();
    inbox.push(2);
    await settle();
    other.push("a");
    expect(await own).toBe("a");
  });
});

describe("an interruption", () => {
  it("ends a wait that may be interrupted, and no other", async () => {
    const clock = new FakeClock();
    const inbox = new AsyncQueue<number>();
    const interruptible = inbox.nextUnlessInterrupted();
    inbox.interrupt();
    expect(await interruptible).toBe(LATE);
    const bounded = inbox.nextWithin(clock, 10);
    inbox.interrupt();
    expect([await bounded, clock.timers]).toEqual([LATE, 0]);
    let options: number | undefined;
    const firm = inbox.next().then((item) => {
      options = item;
    });
    inbox.interrupt();
    await settle();
    expect(options).toBeUndefined();
    inbox.push(1);
    await firm;
    expect(options).toBe(1);
  });

  it.each([
    ["unbounded", (inbox: AsyncQueue<number>) => inbox.next()],
    ["bounded", (inbox: AsyncQueue<number>) => inbox.nextWithin(new FakeClock(), 10)],
    ["interruptible", (inbox: AsyncQueue<number>) => inbox.nextUnlessInterrupted()],
  ])("of nobody is not kept for the %s wait that comes next", async (_, wait) => {
    const inbox = new AsyncQueue<number>();
    inbox.interrupt();
    const waiting = wait(inbox);
    await settle();
    inbox.push(1);
    expect(await waiting).toBe(1);
  });
});
