import { describe, expect, it } from "vitest";
import { headSize, QUEUE_BYTES, SendQueue, type StreamItem } from "../../../protocol/link/send-queue.ts";
import { PIECE_BYTES } from "../../../protocol/runtime/piece-merger.ts";
import { ANSWER, DATA, END, GET } from "../../kit/link-pair.ts";

const ROOM = 16 * 1024;
const NO_SHARE = ROOM;
const SEGMENT: StreamItem = { kind: "segment", digest: "8 bytes." };

const queueOf = (window: number, ...items: StreamItem[]) => {
  const queue = new SendQueue(window);
  for (const item of items) queue.push(item);
  return queue;
};
/** Everything that leaves, each in a fresh message. */
const drained = (queue: SendQueue, room = ROOM): StreamItem[] => {
  const out: StreamItem[] = [];
  while (queue.sendable) {
    const item = queue.next(room, true, NO_SHARE);
    if (item === undefined) break;
    out.push(item);
  }
  return out;
};
const bytesOf = (item: StreamItem | undefined): number => {
  if (item?.kind === "data") return item.bytes.length;
  return item?.kind === "open" || item?.kind === "answer" ? item.body.length : 0;
};
const shape = (items: readonly StreamItem[]) => items.map((item) => `${item.kind} ${bytesOf(item)}`);

describe("a head", () => {
  it("takes along its body and its end when they are there and fit", () => {
    const queue = queueOf(1e6, ANSWER("", { kind: "passed" }, false), DATA(100), DATA(200), END);
    const items = drained(queue);
    expect(shape(items)).toEqual(["answer 300"]);
    expect(items[0]).toMatchObject({ ended: true });
    expect(queue.endLeft).toBe(true);
  });

  it("given with its body and its end sends the same", () => {
    const queue = queueOf(1e6, ANSWER(Buffer.alloc(300)));
    expect(shape(drained(queue))).toEqual(["answer 300"]);
    expect(queue.endLeft).toBe(true);
  });

  it("given with its body, and followed by more, takes that along too", () => {
    const queue = queueOf(1e6, GET("/", { body: Buffer.alloc(100), ended: false }), DATA(200), END);
    expect(queue.hasRoom).toBe(true);
    const items = drained(queue);
    expect(shape(items)).toEqual(["open 300"]);
    expect([items[0], queue.endLeft]).toMatchObject([{ ended: true }, true]);
  });

  it("given with a body fills the queue by it", () => {
    const queue = queueOf(1e6, ANSWER(Buffer.alloc(QUEUE_BYTES)));
    expect(queue.hasRoom).toBe(false);
    drained(queue);
    expect(queue.hasRoom).toBe(true);
  });

  it("given with more body than there is credit for waits with the rest", () => {
    const queue = queueOf(1000, GET("/", { body: Buffer.alloc(5000) }));
    expect(shape(drained(queue))).toEqual(["open 0", "data 1000"]);
    expect(queue.endLeft).toBe(false);
    queue.granted(4000);
    expect(shape(drained(queue))).toEqual(["data 4000", "end 0"]);
  });

  it("given with more body than a message holds sends it in pieces", () => {
    expect(shape(drained(queueOf(1e6, ANSWER(Buffer.alloc(20_000)))))).toEqual([
      "answer 0",
      "data 16352",
      "data 3648",
      "end 0",
    ]);
  });

  it("leaves an end that says more than that to a frame of its own", () => {
    const closed: StreamItem = { ...END, how: "closed" } as StreamItem;
    expect(shape(drained(queueOf(1e6, ANSWER("", { kind: "passed" }, false), DATA(10), closed)))).toEqual([
      "answer 10",
      "end 0",
    ]);
  });

  it("that is interim takes nothing along", () => {
    const interim = ANSWER("", { kind: "interim" }, false);
    expect(shape(drained(queueOf(1e6, interim, ANSWER("x"))))).toEqual(["answer 0", "answer 1"]);
  });

  it("that does not fit the rest of a message waits; one that fits none goes alone in a fresh one", () => {
    const head = GET(`/${"x".repeat(20_000)}`);
    const queue = queueOf(1e6, head);
    expect(queue.next(ROOM, false, NO_SHARE)).toBeUndefined();
    expect(queue.next(ROOM, true, NO_SHARE)).toMatchObject({ kind: "open" });
    const small = queueOf(1e6, GET("/"));
    const needed = headSize(GET("/").head) + 32;
    expect(small.next(needed - 1, false, NO_SHARE)).toBeUndefined();
    expect(small.next(needed, false, NO_SHARE)).toMatchObject({ kind: "open" });
  });
});

describe("a body", () => {
  it("leaves in pieces that fit the message, and no crumbs", () => {
    const queue = queueOf(1e6, DATA(20_000));
    expect(queue.next(500, false, NO_SHARE)).toBeUndefined();
    expect(bytesOf(queue.next(600, false, NO_SHARE))).toBe(568);
    expect(bytesOf(queue.next(ROOM, true, NO_SHARE))).toBe(ROOM - 32);
    expect(bytesOf(queue.next(ROOM, true, NO_SHARE))).toBe(20_000 - 568 - (ROOM - 32));
    expect(queue.sendable).toBe(false);
  });

  it("leaves at most its share", () => {
    expect(bytesOf(queueOf(1e6, DATA(20_000)).next(ROOM, true, 4096))).toBe(4096 - 32);
  });

  it("stops at its credit to the byte, and goes on when more is granted", () => {
    const queue = queueOf(700, DATA(1000));
    expect(shape(drained(queue))).toEqual(["data 700"]);
    expect(queue.sendable).toBe(false);
    queue.granted(1);
    expect(shape(drained(queue))).toEqual(["data 1"]);
    queue.granted(1000);
    expect(shape(drained(queue))).toEqual(["data 299"]);
  });

  it("of no bytes is nothing", () => {
    expect(queueOf(1e6, DATA(0)).sendable).toBe(false);
  });

  it("without credit does not hold back an end that has nothing before it", () => {
    expect(shape(drained(queueOf(0, END)))).toEqual(["end 0"]);
  });
});

describe("small pieces that wait", () => {
  it("leave as one, and take along what comes before they do", () => {
    const queue = queueOf(1e6, ...Array.from({ length: 5_000 }, () => DATA(1)), END);
    expect(shape(drained(queue))).toEqual(["data 5000", "end 0"]);
    expect(queue.hasRoom).toBe(true);
  });

  it("stay behind what was between them", () => {
    expect(shape(drained(queueOf(1e6, DATA(1), SEGMENT, DATA(2), DATA(3), END)))).toEqual([
      "data 1",
      "segment 0",
      "data 5",
      "end 0",
    ]);
  });

  it("count as one piece for the room", () => {
    const crumbs = (count: number) => Array.from({ length: count }, () => DATA(1));
    expect(queueOf(1e6, ...crumbs(QUEUE_BYTES / PIECE_BYTES + 1)).hasRoom).toBe(true);
  });
});

describe("room in the queue", () => {
  it(`is up to ${QUEUE_BYTES} bytes, and what each piece costs beside its own`, () => {
    expect(queueOf(1e6, DATA(QUEUE_BYTES - PIECE_BYTES - 1)).hasRoom).toBe(true);
    expect(queueOf(1e6, DATA(QUEUE_BYTES - PIECE_BYTES)).hasRoom).toBe(false);
  });

  it("is no larger for segments, which spend no window", () => {
    const segments = (count: number) => Array.from({ length: count }, () => SEGMENT);
    const most = QUEUE_BYTES / PIECE_BYTES;
    expect(queueOf(1e6, ...segments(most - 1)).hasRoom).toBe(true);
    const queue = queueOf(1e6, ...segments(most));
    expect(queue.hasRoom).toBe(false);
    queue.next(ROOM, true, NO_SHARE);
    expect(queue.hasRoom).toBe(true);
  });

  it("comes back as pieces leave, and when all is given up", () => {
    const queue = queueOf(1e6, DATA(QUEUE_BYTES));
    queue.next(ROOM, true, NO_SHARE);
    expect(queue.hasRoom).toBe(true);
    const options = queueOf(1e6, DATA(QUEUE_BYTES));
    options.clear();
    expect(options.hasRoom).toBe(true);
  });
});

describe("resume", () => {
  it("drops what of the answer still waits, and begins anew, end included", () => {
    const queue = queueOf(1e6, ANSWER("", { kind: "passed" }, false), DATA(50), END);
    drained(queue);
    expect(queue.endLeft).toBe(true);
    for (const item of [DATA(100), END]) queue.push(item);
    queue.push({ kind: "resume", offset: 0, codec: 1 });
    expect(queue.endLeft).toBe(false);
    queue.push(DATA(7));
    queue.push(END);
    expect(shape(drained(queue))).toEqual(["resume 0", "data 7", "end 0"]);
    expect(queue.endLeft).toBe(true);
  });

  it("does not give back credit that was spent", () => {
    const queue = queueOf(100, DATA(60));
    drained(queue);
    queue.push({ kind: "resume", offset: 0, codec: 1 });
    queue.push(DATA(60));
    expect(shape(drained(queue))).toEqual(["resume 0", "data 40"]);
  });
});
