/** A codec that does not come out right at the edge is set aside for its link, after eight mismatches and not after seven. */
import { beforeEach, describe, expect, it } from "vitest";
import {
  CodecTrust,
  MISTRUST_MS,
  MOST_MISMATCHES,
} from "../../../../origin-side/answer/coding/codec-trust.ts";
import { FakeClock } from "../../../kit/fake-clock.ts";

const SPLICE = 3;
const ZSTD = 1;
let clock: FakeClock;
let said: object[];
let mismatches: Map<string, number>;
let trust: CodecTrust;
beforeEach(() => {
  clock = new FakeClock();
  said = [];
  mismatches = new Map();
  trust = new CodecTrust({
    keyId: "k",
    clock,
    mismatches,
    log: { warn: (event, fields) => said.push({ event, ...fields }) },
  });
});

const mismatch = (times: number, codec = SPLICE) => {
  for (let i = 0; i < times; i++) trust.mismatched(codec);
};

describe("a codec", () => {
  it("is set aside by its eighth mismatch, with one line, and no other codec with it", () => {
    mismatch(MOST_MISMATCHES - 1);
    expect([trust.mistrusts(SPLICE), said]).toEqual([false, []]);
    mismatch(3);
    expect([trust.mistrusts(SPLICE), trust.mistrusts(ZSTD)]).toEqual([true, false]);
    expect(said).toMatchObject([{ event: "codec set aside", key: "k", codec: "splice", mismatches: 8 }]);
    expect(mismatches).toEqual(new Map([["splice", 10]]));
  });

  it("that fails now and then goes on", async () => {
    for (let hour = 0; hour < 4; hour++) {
      mismatch(MOST_MISMATCHES - 1);
      await clock.advance(MISTRUST_MS);
    }
    expect([trust.mistrusts(SPLICE), said]).toEqual([false, []]);
  });

  it("is tried again after its time, and set aside by one more", async () => {
    mismatch(MOST_MISMATCHES);
    await clock.advance(MISTRUST_MS - 1);
    expect(trust.mistrusts(SPLICE)).toBe(true);
    await clock.advance(1);
    expect(trust.mistrusts(SPLICE)).toBe(false);
    mismatch(1);
    expect([trust.mistrusts(SPLICE), said.length]).toEqual([true, 2]);
  });
});
