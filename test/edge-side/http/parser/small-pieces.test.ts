import { Readable } from "node:stream";
import { describe, expect, it } from "vitest";
import { PieceTurns, SmallPieceTurns } from "../../../../edge-side/http/parser/small-piece-turns.ts";
import { mergeSmallPieces, UNMERGED_PIECES } from "../../../../edge-side/http/parser/small-pieces.ts";
import { MERGED_BYTES, SMALL_PIECE_BYTES } from "../../../../protocol/runtime/piece-merger.ts";
import { FakeClock, settle } from "../../../kit/fake-clock.ts";

const HIGH_WATER_BYTES = 32 * 1024;

const stream = (flows = true) => {
  const pieces: Buffer[] = [];
  const readable = new Readable({ read() {}, highWaterMark: HIGH_WATER_BYTES });
  if (flows) readable.on("data", (piece: Buffer) => pieces.push(piece));
  const none = { rest() {}, goOn() {} };
  mergeSmallPieces(readable, new PieceTurns(new SmallPieceTurns(new FakeClock()), none));
  const crumbs = (count: number, from = 0) =>
    Array.from({ length: count }, (_, at) => readable.push(Buffer.of((from + at) % 251)));
  return { readable, pieces, crumbs };
};

const COUNT = 40_000;
const EXPECTED = Buffer.from(Array.from({ length: COUNT }, (_, at) => at % 251));

describe("small pieces", () => {
  it("that come in one turn are few", async () => {
    const { readable, pieces, crumbs } = stream();
    crumbs(COUNT);
    readable.push(null);
    await settle();
    expect(Buffer.concat(pieces)).toEqual(EXPECTED);
    expect(pieces.length).toBe(UNMERGED_PIECES + Math.ceil((COUNT - UNMERGED_PIECES) / MERGED_BYTES));
  });

  it("are here at the end of the turn", async () => {
    const { pieces, crumbs } = stream();
    crumbs(100);
    await settle();
    expect(Buffer.concat(pieces)).toEqual(EXPECTED.subarray(0, 100));
    crumbs(1, 100);
    await settle();
    expect(Buffer.concat(pieces)).toEqual(EXPECTED.subarray(0, 101));
  });

  it("keep their order among large ones", async () => {
    const { readable, pieces, crumbs } = stream();
    crumbs(20);
    const large = Buffer.alloc(SMALL_PIECE_BYTES + 1, "x");
    readable.push(large);
    crumbs(1, 20);
    readable.push(null);
    await settle();
    const expected = Buffer.concat([EXPECTED.subarray(0, 20), large, EXPECTED.subarray(20, 21)]);
    expect(Buffer.concat(pieces)).toEqual(expected);
    expect(pieces).toContain(large);
  });

  it("are asked for no more where nobody takes them", async () => {
    const { readable, crumbs } = stream(false);
    expect(crumbs(HIGH_WATER_BYTES - MERGED_BYTES).every(Boolean)).toBe(true);
    crumbs(2 * MERGED_BYTES);
    await settle();
    expect(crumbs(1)).toEqual([false]);
    readable.destroy();
  });

  it("are dropped where the stream is gone", async () => {
    const { readable, pieces, crumbs } = stream();
    crumbs(100);
    readable.destroy();
    await settle();
    expect(Buffer.concat(pieces)).toEqual(EXPECTED.subarray(0, UNMERGED_PIECES));
  });
});
