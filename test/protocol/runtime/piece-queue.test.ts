import { describe, expect, it } from "vitest";
import { MERGED_BYTES, PIECE_BYTES, SMALL_PIECE_BYTES } from "../../../protocol/runtime/piece-merger.ts";
import { PieceQueue } from "../../../protocol/runtime/piece-queue.ts";
import { Random } from "../../kit/random.ts";

const all = (queue: PieceQueue<Buffer, "end">): (Buffer | "end")[] => {
  const items: (Buffer | "end")[] = [];
  for (let next = queue.take(); next !== undefined; next = queue.take()) items.push(next);
  return items;
};
const letters = (count: number, letter = "x"): Buffer => Buffer.from(letter.repeat(count));

describe("pieces that wait", () => {
  it("become one where they are small, up to a size, and no byte is lost or moved", () => {
    const queue = new PieceQueue<Buffer, "end">();
    const body = Buffer.from(Uint8Array.from({ length: 50_000 }, (_, at) => at % 251));
    for (const byte of body) queue.push(Buffer.from([byte]));
    queue.push("end");
    const items = all(queue);
    expect(items.pop()).toBe("end");
    expect(items).toHaveLength(Math.ceil(body.length / MERGED_BYTES));
    expect(Buffer.concat(items as Buffer[]).equals(body)).toBe(true);
  });

  it.each([
    ["both at the edge of small", SMALL_PIECE_BYTES, SMALL_PIECE_BYTES, 1],
    ["the first beyond it", SMALL_PIECE_BYTES + 1, 1, 2],
    ["the second beyond it", 1, SMALL_PIECE_BYTES + 1, 2],
  ])("are one or two: %s", (_, first, second, pieces) => {
    const queue = new PieceQueue<Buffer, "end">();
    queue.push(letters(first));
    queue.push(letters(second));
    expect(queue.length).toBe(pieces);
    expect(queue.costBytes).toBe(first + second + pieces * PIECE_BYTES);
  });

  it("stay as they were taken, whatever comes after", () => {
    const queue = new PieceQueue<Buffer, "end">();
    queue.push(letters(3, "a"));
    queue.push(letters(3, "b"));
    const taken = queue.take();
    queue.push(letters(3, "c"));
    queue.push(letters(3, "d"));
    expect(String(taken)).toBe("aaabbb");
    expect(String(queue.take())).toBe("cccddd");
    expect(queue.costBytes).toBe(0);
  });

  it("are not joined across what is no piece", () => {
    const queue = new PieceQueue<Buffer, "end">();
    queue.push(letters(1, "a"));
    queue.push("end");
    queue.push(letters(1, "b"));
    expect(all(queue).map(String)).toEqual(["a", "end", "b"]);
  });

  it("come out as they went in, of any sizes, taken at any time", () => {
    const random = new Random(5);
    const queue = new PieceQueue<Buffer, "end">();
    const [sent, got]: [Buffer[], Buffer[]] = [[], []];
    for (let n = 0; n < 5_000; n++) {
      const size = Math.floor(random.next() < 0.8 ? random.next() * 20 : random.next() * 3_000) + 1;
      const piece = Buffer.alloc(size, n % 256);
      sent.push(piece);
      queue.push(piece);
      if (random.next() < 0.02) got.push(...(all(queue) as Buffer[]));
    }
    got.push(...(all(queue) as Buffer[]));
    expect(Buffer.concat(got).equals(Buffer.concat(sent))).toBe(true);
    expect(queue.costBytes).toBe(0);
  });

  it("wake who waits once a turn of the event loop, though promises run between them", async () => {
    const queue = new PieceQueue<Buffer, "end">();
    const taken: string[] = [];
    const reading = (async () => {
      for (let next = await queue.next(); next !== "end"; next = await queue.next()) taken.push(String(next));
    })();
    for (let n = 0; n < 1_000; n++) {
      queue.push(letters(1));
      for (let tick = 0; tick < 5; tick++) await Promise.resolve();
    }
    expect(taken).toEqual(["x"]);
    await new Promise(setImmediate);
    expect(taken).toEqual(["x", "x".repeat(999)]);
    queue.push("end");
    await reading;
  });
});
