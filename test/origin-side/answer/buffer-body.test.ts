import { describe, expect, it } from "vitest";
import {
  type Gathered,
  type Gathering,
  gatherBody,
  MOST_WAIT_MS,
  PAUSE_MS,
  WAIT_MS,
} from "../../../origin-side/answer/buffer-body.ts";
import { StreamError } from "../../../protocol/errors.ts";
import { MemoryBudget } from "../../../protocol/runtime/memory-budget.ts";
import { type BodyEnd, UpstreamBody } from "../../../protocol/upstream/body.ts";
import { FakeClock, settle } from "../../kit/fake-clock.ts";

const END: BodyEnd = { how: "complete", trailers: [] };

const gathering = (more: { shareBytes?: number; pageBytes?: number } & Gathering = {}) => {
  const clock = new FakeClock();
  const body = new UpstreamBody({ pause() {}, resume() {} });
  const memory = new MemoryBudget({ totalBytes: 1000, shareBytes: more.shareBytes ?? 1000 });
  const gathered = gatherBody(body, { clock, memory, keyId: "k", pageBytes: more.pageBytes ?? 500 }, more);
  let done: Gathered | undefined;
  gathered.then(
    (result) => {
      done = result;
    },
    () => {},
  );
  return {
    clock,
    body,
    memory,
    gathered,
    get done() {
      return done;
    },
    push: (bytes: number) => body.push(Buffer.alloc(bytes)),
  };
};

describe("a body that is complete", () => {
  it("at once comes in one piece, and holds its bytes of the budget", async () => {
    const { gathered, body, memory, clock, push } = gathering();
    push(100);
    push(50);
    body.push(END);
    const { pieces, bytes, end, lease } = await gathered;
    expect([pieces.map(({ length }) => length), bytes, end]).toEqual([[150], 150, END]);
    expect([lease.bytes, memory.usedBytes]).toEqual([150, 150]);
    expect(clock.timers).toBe(0);
  });

  it("just before the time ends still comes in one piece", async () => {
    const { gathered, body, clock, push } = gathering();
    push(100);
    await clock.advance(WAIT_MS - 0.1);
    body.push(END);
    expect((await gathered).end).toBe(END);
  });

  it("soon after, while bytes kept coming, still comes in one piece", async () => {
    const flow = gathering();
    for (let ms = 0; ms < MOST_WAIT_MS - PAUSE_MS; ms += PAUSE_MS / 2) {
      flow.push(1);
      await flow.clock.advance(PAUSE_MS / 2);
    }
    flow.body.push(END);
    expect((await flow.gathered).end).toBe(END);
  });
});

describe("a body that has to stream", () => {
  it("is not complete within the time", async () => {
    const slow = gathering();
    slow.push(100);
    await slow.clock.advance(WAIT_MS - 0.1);
    await settle();
    expect(slow.done).toBeUndefined();
    await slow.clock.advance(0.1);
    await settle();
    expect(slow.done).toMatchObject({ bytes: 100, end: undefined });
  });

  it("has not begun within the time", async () => {
    const slow = gathering();
    await slow.clock.advance(WAIT_MS);
    await settle();
    expect(slow.done).toMatchObject({ pieces: [], bytes: 0, end: undefined });
  });

  it("pauses after the time", async () => {
    const slow = gathering();
    await slow.clock.advance(WAIT_MS - 0.5);
    slow.push(1);
    await slow.clock.advance(0.5);
    slow.push(1);
    await slow.clock.advance(PAUSE_MS);
    await settle();
    expect(slow.done).toMatchObject({ bytes: 2, end: undefined });
  });

  it("is not taken for late where its pieces came while this process was busy", async () => {
    const flow = gathering();
    flow.push(1);
    const busy = flow.clock.advance(10 * MOST_WAIT_MS);
    setImmediate(() => flow.push(2)); // what the poll after the timer reads
    await busy;
    await settle();
    expect(flow.done).toBeUndefined();
    flow.body.push(END);
    expect(await flow.gathered).toMatchObject({ bytes: 3, end: END });
  });

  it("keeps coming for longer than the longest time", async () => {
    const slow = gathering();
    let ms = 0;
    for (; slow.done === undefined && ms < 100; ms += PAUSE_MS / 2) {
      slow.push(1);
      await slow.clock.advance(PAUSE_MS / 2);
      await settle();
    }
    expect(ms).toBeGreaterThanOrEqual(MOST_WAIT_MS);
    expect(ms).toBeLessThanOrEqual(MOST_WAIT_MS + 2 * PAUSE_MS);
  });

  it.each([
    [500, true],
    [501, false],
  ])("of %i bytes, where a page may have 500: whole %s", async (bytes, whole) => {
    const flow = gathering({ pageBytes: 500 });
    flow.push(bytes);
    flow.body.push(END);
    expect((await flow.gathered).end !== undefined).toBe(whole);
  });

  it.each([
    [300, true],
    [301, false],
  ])("of %i bytes, where the budget has 300: whole %s", async (bytes, whole) => {
    const flow = gathering({ shareBytes: 300 });
    flow.push(bytes);
    flow.body.push(END);
    const { end, pieces } = await flow.gathered;
    expect([end !== undefined, pieces.length]).toEqual([whole, 1]);
  });

  it("gives every piece back to its socket", async () => {
    const heard: string[] = [];
    const body = new UpstreamBody({ pause: () => heard.push("pause"), resume: () => heard.push("resume") });
    body.push(Buffer.alloc(200 * 1024));
    body.push(END);
    const memory = new MemoryBudget({ totalBytes: 1e6, shareBytes: 1e6 });
    await gatherBody(body, { clock: new FakeClock(), memory, keyId: "k", pageBytes: 1e6 });
    expect(heard).toEqual(["pause", "resume"]);
  });
});

describe("a body that nobody waits for", () => {
  const atOnce = { mayWait: () => false };

  it("is what is here in this turn, though no time passes", async () => {
    const { gathered, body, clock, push } = gathering(atOnce);
    push(100);
    process.nextTick(() => push(50));
    expect(await gathered).toMatchObject({ bytes: 150, end: undefined });
    expect(clock.timers).toBe(0);
    body.push(END);
  });

  it("comes in one piece if it is here in this turn", async () => {
    const { gathered, body, push } = gathering(atOnce);
    push(100);
    process.nextTick(() => body.push(END));
    expect(await gathered).toMatchObject({ bytes: 100, end: END });
  });
});

it.each([true, false])(
  "a body that is looked at: nothing is gathered behind its first piece if that passes (%s)",
  async (passes) => {
    const seen: Buffer[] = [];
    const looks = (first: Buffer) => seen.push(first) > 0 && passes;
    const { gathered, body, push } = gathering({ passes: looks });
    push(200);
    const first = await new Promise<number>((resolve) => setImmediate(() => resolve(seen.length)));
    push(100);
    body.push(END);
    expect(await gathered).toMatchObject({
      bytes: passes ? 200 : 300,
      passes,
      end: passes ? undefined : END,
    });
    expect([first, seen.length]).toEqual([1, 1]);
  },
);

it("a body that ends too early is what came of it, and why", async () => {
  const { gathered, body, memory, push } = gathering();
  push(100);
  body.fail(new StreamError("truncated"));
  const { bytes, end, failure, lease } = await gathered;
  expect([bytes, end, failure?.code]).toEqual([100, undefined, "truncated"]);
  expect(memory.usedBytes).toBe(100);
  lease.release();
});

it("a body that fails otherwise gives back what it held of the budget", async () => {
  const { gathered, body, memory, push } = gathering();
  push(100);
  body.fail(new StreamError("origin-silent"));
  await expect(gathered).rejects.toMatchObject({ code: "origin-silent" });
  expect(memory.usedBytes).toBe(0);
});
