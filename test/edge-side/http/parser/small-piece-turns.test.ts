import { describe, expect, it } from "vitest";
import {
  MOST_PIECES_A_TURN,
  MOST_REST_MS,
  PieceTurns,
  SmallPieceTurns,
} from "../../../../edge-side/http/parser/small-piece-turns.ts";
import { FakeClock, settle } from "../../../kit/fake-clock.ts";

describe("connections that rest", () => {
  const restingOn = () => {
    const clock = new FakeClock();
    const turns = new SmallPieceTurns(clock);
    const told: string[] = [];
    const rest = (name: string, ms: number) => turns.rest(ms, () => told.push(name));
    return { clock, told, rest };
  };

  it("go on one at a time, each after a time of its own", async () => {
    const { clock, told, rest } = restingOn();
    rest("a", 10);
    rest("b", 5);
    await clock.advance(9);
    expect(told).toEqual([]);
    await clock.advance(1);
    expect(told).toEqual(["a"]);
    await clock.advance(4);
    expect(told).toEqual(["a"]);
    await clock.advance(1);
    expect(told).toEqual(["a", "b"]);
  });

  it("rest no longer than a turn may take", async () => {
    const { clock, told, rest } = restingOn();
    rest("a", 60_000);
    await clock.advance(MOST_REST_MS);
    expect(told).toEqual(["a"]);
  });
});

describe("a connection", () => {
  const connection = () => {
    let now = 0;
    const told: string[] = [];
    const rest = (ms: number, goOn: () => void) => {
      told.push(`${ms} ms`);
      goOn();
    };
    const turns = new PieceTurns(
      { clock: { now: () => now }, rest },
      { rest: () => told.push("rest"), goOn: () => told.push("go on") },
    );
    const came = (pieces: number) => {
      for (let piece = 0; piece < pieces; piece++) turns.came();
    };
    const took = (ms: number) => {
      now += ms;
    };
    return { told, came, took };
  };

  it("that brought many pieces in one turn rests for as long as the turn took", async () => {
    const { told, came, took } = connection();
    came(MOST_PIECES_A_TURN - 1);
    expect(told).toEqual([]);
    came(1000);
    expect(told).toEqual(["rest"]);
    took(20);
    await settle();
    expect(told).toEqual(["rest", "20 ms", "go on"]);
  });

  it("that brought as many in two turns does not", async () => {
    const { told, came } = connection();
    came(MOST_PIECES_A_TURN - 1);
    await settle();
    came(MOST_PIECES_A_TURN - 1);
    expect(told).toEqual([]);
  });
});
