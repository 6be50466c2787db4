/** What the frames of a stream take while they wait, and what they keep alive. */
import { describe, expect, it } from "vitest";
import { FREE_FRAMES, Inbox } from "../../../protocol/link/inbox.ts";
import { MemoryBudget } from "../../../protocol/runtime/memory-budget.ts";
import { PIECE_BYTES } from "../../../protocol/runtime/piece-merger.ts";

const MOST = 1_000;

const inboxOf = () => {
  const memory = new MemoryBudget({ totalBytes: 10 * MOST * PIECE_BYTES, shareBytes: MOST * PIECE_BYTES });
  return { memory, inbox: new Inbox<Buffer, "mark">(() => memory.lease("k")) };
};

describe("frames that wait", () => {
  it("are charged beyond the first few, refused beyond the share, and charged no more once they are taken", () => {
    const { memory, inbox } = inboxOf();
    for (let n = 0; n < FREE_FRAMES; n++) expect(inbox.accept("mark")).toBe(true);
    expect(memory.usedBytes).toBe(0);
    for (let n = 1; n <= MOST; n++) {
      expect(inbox.accept("mark")).toBe(true);
      expect(memory.usedBytes).toBe(n * PIECE_BYTES);
    }
    expect(inbox.accept("mark")).toBe(false);
    while (inbox.take() !== undefined);
    expect(memory.usedBytes).toBe(0);
  });

  it("of one byte cost what their bytes cost", () => {
    const { memory, inbox } = inboxOf();
    const COUNT = 256 * 1024;
    let accepted = 0;
    for (let n = 0; n < COUNT; n++) if (inbox.accept(Buffer.from("x"))) accepted++;
    expect(accepted).toBe(COUNT);
    expect([inbox.length, memory.usedBytes]).toEqual([16, 0]);
  });

  it("of one byte between marks are charged each", () => {
    const { memory, inbox } = inboxOf();
    for (let n = 0; n < 500; n++) {
      inbox.accept(Buffer.from("x"));
      inbox.accept("mark");
    }
    expect(memory.usedBytes).toBe((1_000 - FREE_FRAMES) * PIECE_BYTES);
    inbox.fail(new Error("gone"));
    expect(memory.usedBytes).toBe(0);
  });

  it("keep no message alive of which they are a small part", () => {
    const { inbox } = inboxOf();
    const message = () => Buffer.alloc(128 * 1024, "m");
    const pieces = Array.from({ length: 10 }, () => message().subarray(50, 50 + 2_000));
    for (const piece of pieces) inbox.accept(piece);
    const large = message().subarray(100);
    inbox.accept(large);
    let heldBytes = 0;
    for (const piece of pieces) {
      const taken = inbox.take() as Buffer;
      expect(taken.equals(piece)).toBe(true);
      heldBytes += taken.buffer.byteLength;
    }
    // The first waited behind none.
    expect(heldBytes).toBe(128 * 1024 + 9 * 2_000);
    expect(inbox.take()).toBe(large);
  });
});
