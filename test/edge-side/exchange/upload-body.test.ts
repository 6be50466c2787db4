// Between a visitor's connection and whoever asks for its body: who waits for whom, and what is dropped.
import { beforeEach, describe, expect, it } from "vitest";
import {
  MOST_AHEAD_BYTES,
  MOST_KEPT_BYTES,
  noBody,
  UploadBody,
} from "../../../edge-side/exchange/upload-body.ts";
import { LATE } from "../../../protocol/runtime/async-queue.ts";
import { MemoryBudget } from "../../../protocol/runtime/memory-budget.ts";
import { PIECE_BYTES } from "../../../protocol/runtime/piece-merger.ts";
import { FakeClock } from "../../kit/fake-clock.ts";

let told: string[];
let body: UploadBody;
beforeEach(() => {
  told = [];
  body = new UploadBody({
    readBody: () => told.push("read"),
    restBody: () => told.push("rest"),
    dropBody: () => told.push("drop"),
    bodyLost: () => told.push("lost"),
  });
});

const piece = (length: number) => Buffer.alloc(length, 1);
const END = { trailers: ["X", "1"] };

describe("a body that is asked for", () => {
  it("gives what is here at once, and then waits", async () => {
    body.push(Buffer.from("a"));
    expect([body.take(), body.take()]).toEqual([Buffer.from("a"), undefined]);
    const next = body.next();
    body.push(Buffer.from("b"));
    body.end(END.trailers);
    expect([await next, await body.next(), body.bytes]).toEqual([Buffer.from("b"), END, 2]);
    expect(told).toEqual([]);
  });

  it("is late after its time, and leaves no timer behind", async () => {
    const clock = new FakeClock();
    const late = body.nextWithin(clock, 5);
    await clock.advance(5);
    expect(await late).toBe(LATE);
    const inTime = body.nextWithin(clock, 5);
    body.push(Buffer.from("a"));
    expect([await inTime, clock.timers]).toEqual([Buffer.from("a"), 0]);
  });
});

describe("the connection", () => {
  it("rests when more waits than may, and reads on when that is taken", () => {
    body.push(piece(MOST_AHEAD_BYTES - PIECE_BYTES));
    expect(told).toEqual([]);
    body.push(piece(1));
    body.push(piece(1));
    expect(told).toEqual(["rest"]);
    body.take();
    expect(told).toEqual(["rest", "read"]);
  });

  it("rests when nobody will ask for a while, until somebody does", () => {
    body.rest();
    body.rest();
    expect(told).toEqual(["rest"]);
    expect(body.take()).toBeUndefined();
    expect(told).toEqual(["rest", "read"]);
  });

  it("is not told to read or to rest once all of the body is here", () => {
    body.push(piece(2 * MOST_AHEAD_BYTES));
    body.end([]);
    told.length = 0;
    body.rest();
    body.take();
    body.drop();
    expect(told).toEqual([]);
  });
});

describe("a body that nobody wants any more", () => {
  it.each(["drop", "lost"] as const)("ends a wait for it, and drops what comes: %s", async (how) => {
    const waits = [body.next(), body[how](), body.next()];
    body.push(Buffer.from("late"));
    body.end([]);
    expect(await Promise.all(waits)).toEqual([undefined, undefined, undefined]);
    expect([body.take(), body.bytes, told]).toEqual([undefined, 0, [how]]);
  });

  it("ends a wait with a time bound, as over and not as late", async () => {
    const clock = new FakeClock();
    const waits = body.nextWithin(clock, 5);
    body.lost();
    expect([await waits, clock.timers]).toEqual([undefined, 0]);
  });

  it("can be asked for anew, by another exchange, with its end", async () => {
    body.end(END.trailers);
    body.lost();
    body.begin();
    expect(body.take()).toEqual(END);
  });
});

describe("a body that is kept", () => {
  const memory = new MemoryBudget({ totalBytes: 1024 * 1024, shareBytes: 1024 * 1024 });
  const rest = () => {
    const pieces: Buffer[] = [];
    for (let next = body.take(); Buffer.isBuffer(next); next = body.take()) pieces.push(next);
    return Buffer.concat(pieces).toString();
  };

  it("is given again from its beginning: what was taken, what waited, and what came between two exchanges", () => {
    body.keep(memory.lease("k"));
    for (const text of ["a", "b"]) {
      body.push(Buffer.from(text));
      body.take();
    }
    body.push(Buffer.from("c"));
    body.lost();
    body.push(Buffer.from("d"));
    expect([body.begin(), body.isKept, memory.usedBytes]).toEqual([true, false, 0]);
    body.push(Buffer.from("e"));
    expect([rest(), body.bytes]).toEqual(["abcde", 5]);
    body.end(END.trailers);
    body.lost();
    expect([body.begin(), body.take()]).toEqual([false, END]);
  });

  it("is read on where it rested", () => {
    body.keep(memory.lease("k"));
    body.rest();
    body.lost();
    body.begin();
    expect(told).toEqual(["rest", "lost", "read"]);
    body.forget();
  });

  it.each([MOST_KEPT_BYTES, MOST_KEPT_BYTES + 1])(
    "is kept as far as the bound: %i bytes in small pieces",
    (bytes) => {
      body.keep(memory.lease("k"));
      for (let at = 0; at < bytes; at++) {
        body.push(Buffer.of(1));
        body.take();
      }
      const kept = bytes === MOST_KEPT_BYTES;
      expect([body.isKept, memory.usedBytes > 0]).toEqual([kept, kept]);
      // Merged: a piece of a byte does not cost a piece.
      expect(memory.usedBytes).toBeLessThan(MOST_KEPT_BYTES + 16 * PIECE_BYTES);
      body.forget();
      expect(memory.usedBytes).toBe(0);
    },
  );

  it("is not kept beyond the memory budget, nor once it is dropped", () => {
    body.keep(new MemoryBudget({ totalBytes: PIECE_BYTES, shareBytes: PIECE_BYTES }).lease("k"));
    body.push(piece(1));
    body.take();
    expect(body.isKept).toBe(false);
    body.keep(memory.lease("k"));
    body.push(piece(1));
    body.take();
    body.drop();
    expect([body.isKept, memory.usedBytes]).toEqual([false, 0]);
  });
});

it("a request without one has its end at once", () => {
  expect(noBody().take()).toEqual({ trailers: [] });
});
