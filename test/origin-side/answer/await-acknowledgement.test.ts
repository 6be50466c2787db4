import { beforeEach, describe, expect, it } from "vitest";
import {
  awaitAcknowledgement,
  NOTED_MS,
  RETAIN_MS,
  type RecoverableAnswer,
} from "../../../origin-side/answer/await-acknowledgement.ts";
import { RetainedAnswer, type Unverified } from "../../../origin-side/answer/retained-answer.ts";
import { IncomingExchange } from "../../../origin-side/exchange/incoming-exchange.ts";
import { STREAMING_CODEC } from "../../../protocol/codec/codecs.ts";
import { FakeClock, settle } from "../../kit/fake-clock.ts";
import { FakeStream, openOf } from "../../kit/fake-stream.ts";

const BODY = Buffer.from("0123456789");

let clock: FakeClock;
let stream: FakeStream;
let released: number;
let startedOver: string[];
let outcome: string | undefined;
let mismatched: number[];
let late: number;
let retirements: number;
let settledUpTo: number | undefined;

beforeEach(async () => {
  clock = new FakeClock();
  stream = new FakeStream();
  released = 0;
  const retained = new RetainedAnswer([BODY]);
  startedOver = [];
  outcome = undefined;
  mismatched = [];
  late = 0;
  const trust = { mismatched: (codec: number) => void mismatched.push(codec) };
  const startOver = async (encoder: { destroy(): void }, { pieces }: Unverified) => {
    encoder.destroy();
    startedOver.push(Buffer.concat(pieces).toString());
  };
  const exchange = new IncomingExchange(stream.asStream, openOf(), { headBytes: 1 << 15 });
  const answer: RecoverableAnswer = {
    bytes: BODY.length,
    codec: 3,
    tag: undefined,
    releaseTo: (offset) => retained.releaseTo(offset),
    release: () => {
      if (retained.release()) released++;
    },
    after: (offset) => retained.after(offset),
    startOver,
  };
  retirements = 5;
  settledUpTo = undefined;
  const retired = {
    get mark() {
      return retirements;
    },
    settle: (mark: number) => {
      settledUpTo = mark;
    },
  };
  const store = { retired };
  const needs = { streaming: STREAMING_CODEC, trust, clock, store };
  awaitAcknowledgement(exchange, answer, needs, () => late++).then(
    () => {
      outcome = "settled";
    },
    (error: { code: string }) => {
      outcome = error.code;
    },
  );
  await settle();
});

it("counts a mismatch against the codec that made the answer", async () => {
  expect(mismatched).toEqual([]);
  await stream.asksWhole(0);
  expect(mismatched).toEqual([3]);
});

describe("an answer is settled", () => {
  it("when it is proved to its last byte", async () => {
    await stream.verifies(BODY.length - 1);
    expect(outcome).toBeUndefined();
    await stream.verifies(BODY.length);
    expect([outcome, stream.digests, clock.timers]).toEqual(["settled", 1, 0]);
  });

  it("and with it what was retired when it was sent, not since", async () => {
    retirements = 9;
    await stream.verifies(BODY.length - 1);
    expect(settledUpTo).toBeUndefined();
    await stream.verifies(BODY.length);
    expect(settledUpTo).toBe(5);
  });

  it("after a mismatch, when its plain bytes are verified", async () => {
    await stream.asksWhole(4);
    expect(startedOver).toEqual(["456789"]);
    expect(stream.sentOf("resume")).toEqual([{ kind: "resume", offset: 4, codec: STREAMING_CODEC.id }]);
    await stream.verifies(BODY.length);
    expect([outcome, stream.digests]).toEqual(["settled", 1]);
  });
});

describe("an answer is unproved", () => {
  it("when its plain bytes do not match either", async () => {
    await stream.asksWhole(0);
    await stream.asksWhole(0);
    expect([outcome, startedOver.length]).toEqual(["mismatch", 1]);
  });

  it("when bytes are asked for that were never there", async () => {
    await stream.asksWhole(BODY.length + 1);
    expect(outcome).toBe("mismatch");
  });

  it("when the mismatch comes after the time of retention, by then its memory is given back", async () => {
    await clock.advance(RETAIN_MS - 1);
    expect(released).toBe(0);
    await clock.advance(1);
    expect(released).toBe(1);
    await stream.asksWhole(0);
    expect([outcome, startedOver]).toEqual(["mismatch", []]);
  });
});

it("an acknowledgement that waits for company is told to be late, once, and one that does not is not", async () => {
  await clock.advance(NOTED_MS - 1);
  expect(late).toBe(0);
  await clock.advance(1);
  await clock.advance(NOTED_MS);
  expect(late).toBe(1);
  await stream.verifies(BODY.length);
  expect([outcome, late, clock.timers]).toEqual(["settled", 1, 0]);
});

it("a proof that comes late is a proof still", async () => {
  await clock.advance(2 * RETAIN_MS);
  await stream.verifies(BODY.length);
  expect(outcome).toBe("settled");
});

it("each word of the edge gives the pin its time again", async () => {
  await clock.advance(RETAIN_MS - 1);
  await stream.verifies(1);
  await clock.advance(RETAIN_MS - 1);
  expect(released).toBe(0);
  await clock.advance(1);
  expect(released).toBe(1);
});

it("an edge that leaves ends the wait", async () => {
  stream.leaves("cancelled");
  await settle();
  expect([outcome, clock.timers]).toEqual(["cancelled", 0]);
});
