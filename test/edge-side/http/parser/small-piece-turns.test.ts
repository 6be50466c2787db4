import { expect, it } from "vitest";
import { SmallPieceTurns } from "../../../../edge-side/http/parser/small-piece-turns.ts";

const turn = () => new Promise(setImmediate);

it("connections that rest go on one at a time, each after some turns for others", async () => {
  const turns = new SmallPieceTurns();
  const told: string[] = [];
  turns.rest(() => told.push("a"));
  turns.rest(() => told.push("b"));
  for (let at = 0; at < 9; at++) {
    told.push(".");
    await turn();
  }
  expect(told.join("")).toBe("....a....b.");
});

it("one that rests again waits behind the others", async () => {
  const turns = new SmallPieceTurns();
  const told: string[] = [];
  turns.rest(() => {
    told.push("a");
    turns.rest(() => told.push("a again"));
  });
  turns.rest(() => told.push("b"));
  for (let at = 0; at < 12; at++) await turn();
  expect(told).toEqual(["a", "b", "a again"]);
});
