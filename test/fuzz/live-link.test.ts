/**
 * A hostile peer, with and without a key: valid messages mutated at random, injected into a link that is up and busy. The
 * link ends with a code of the table or goes on; nothing else is ever thrown, and no stream or byte of memory stays behind.
 */
import { describe, expect, it } from "vitest";
import { LINK_ERRORS } from "../../protocol/errors.ts";
import type { Frame, StreamId } from "../../protocol/frames/frame.ts";
import { encodeFrame } from "../../protocol/frames/frame-codec.ts";
import { FrameHeaderEncoder } from "../../protocol/frames/frame-headers.ts";
import { Secret } from "../../protocol/transport/key.ts";
import { ByteWriter } from "../../protocol/wire/bytes.ts";
import { watchLeaks } from "../kit/leaks.ts";
import { GET, greetedPair, helloOf, linkPair, turns } from "../kit/link-pair.ts";
import { type Random, seeded } from "../kit/random.ts";
import { SAMPLES } from "../protocol/frames/frame-samples.ts";
import { mutated } from "./mutate.ts";

watchLeaks();

/** Runs that must be survived, each with a link of its own; `FUZZ_RUNS` says otherwise. */
const RUNS = Number(process.env.FUZZ_RUNS ?? 100);
/** Messages that once did harm, or nearly: run every time. Hex of what follows a greeting, sent to that side. */
const SEEDS: readonly (readonly ["edge" | "origin", string, string])[] = [
  ["edge", "a length beyond the message", "ff0f1201"],
  ["edge", "an empty frame", "00"],
  ["edge", "an endless varint", "ffffffffffffffffffff"],
  ["origin", "an open with an empty head", "08 10 01 01 020040 00 00"],
  [
    "origin",
    "a header table of empty entries, many times",
    `ff01100101${"fd01".repeat(1)}00${"80".repeat(245)}`,
  ],
  ["origin", "an open like a head that nobody sent", "08 10 01 01 020080 00 00"],
  [
    "origin",
    "an open whose offers follow, and offers of streams that never were",
    "081001010200400f00 051c0101ff7f",
  ],
  ["origin", "an open with offers of streams that never were", "0a 10 01 01 020040 02 01 7f 00"],
  ["edge", "credit of 2^53 - 1 for no stream", "0b0600ffffffffffffff0f00"],
  ["edge", "go-away with a code that is not known", "050500ff0100"],
  ["origin", "go-away with the last stream id 0", "0405000000"],
  ["origin", "ten thousand pings", "020301".repeat(10_000)],
  ["origin", "a hello after the greeting", encodeFrame(helloOf("edge")).toString("hex")],
];

const NEVER_NOW = ["hello", "proveKey", "goAway", "open", "answer"];
const FRAMES = {
  edge: SAMPLES.filter(({ kind }) => ![...NEVER_NOW, "offers", "verified", "askWhole"].includes(kind)),
  origin: SAMPLES.filter(({ kind }) => ![...NEVER_NOW, "segment", "resume"].includes(kind)),
};
const ANSWERED: Extract<Frame, { kind: "answer" }> = {
  ...(SAMPLES.find(({ kind }) => kind === "answer") as Extract<Frame, { kind: "answer" }>),
  form: { kind: "delta", codec: 1, offers: 1, digest: { of: "bases", digest: "d".repeat(16) } },
};

/** A frame that this side might really get, for a stream that is open. */
const frameFor = (random: Random, to: "edge" | "origin", streams: number): Frame => {
  const frames = FRAMES[to];
  const repeatable = frames.filter(({ kind }) => !["trailers", "end", "reset", "resume"].includes(kind));
  const frame = random.pick(random.chance(0.9) ? repeatable : frames);
  return "streamId" in frame ? { ...frame, streamId: random.int(1, streams) as StreamId } : frame;
};

const CODES = Object.keys(LINK_ERRORS);

/** One link with some streams that are open and answered, and a peer that sends what it should not; how it went. */
const survive = async (random: Random, to: "edge" | "origin"): Promise<string> => {
  const pair = await greetedPair({ hello: { streamBytes: 5000 } });
  const [target, peer] = to === "edge" ? [pair.edge, pair.origin] : [pair.origin, pair.edge];
  const headers = new FrameHeaderEncoder(16 * 1024);
  const streams = random.int(2, 6);
  const answers: Buffer[] = [];
  for (let i = 1; i <= streams; i++) {
    const open = GET("/", { ended: random.chance(0.5) });
    const asked = pair.edge.open(open);
    if (random.chance(0.5)) asked.onFrame = ({ kind }) => kind === "answer" && asked.stream.askWhole(0);
    const head = to === "edge" ? { ...ANSWERED, ended: random.chance(0.3) } : open;
    answers.push(encodeFrame({ ...head, streamId: i as StreamId }, headers)); // moves the table as the open did
  }
  await turns(4);
  if (to === "edge") for (const answer of answers) peer.inject(answer);
  await turns(4);
  for (let message = 0; message < 8 && target.ends.length === 0; message++) {
    const w = new ByteWriter();
    for (let count = random.int(1, 2); count > 0; count--)
      w.bytes(encodeFrame(frameFor(random, to, streams), headers));
    peer.inject(random.chance(0.15) ? mutated(random, w.take()) : w.take());
    await turns(1);
  }
  await turns(3);
  for (const end of target.ends) expect(CODES).toContain(end.code);
  await pair.close();
  expect([pair.edge.link.load, pair.origin.link.load]).toEqual([0, 0]);
  expect(pair.memory.usedBytes).toBe(0);
  expect(pair.clock.timers).toBe(0);
  return target.ends[0]?.message === "the test is over" ? "goes on" : (target.ends[0]?.code ?? "no end");
};

describe("a link that is up", () => {
  it.each(["edge", "origin"] as const)(
    `survives ${RUNS} peers that send mutated frames to the %s`,
    async (to) => {
      const random = seeded();
      const outcomes = new Map<string, number>();
      for (let run = 0; run < RUNS; run++) {
        const outcome = await survive(random, to);
        outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      }
      // Neither do all links end at once, nor is everything swallowed.
      expect(Math.min(outcomes.get("bad-frame") ?? 0, outcomes.get("goes on") ?? 0)).toBeGreaterThan(
        RUNS / 50,
      );
    },
  );

  it.each(SEEDS)("%s: %s", async (to, _, hex) => {
    const pair = await greetedPair();
    const peer = to === "edge" ? pair.origin : pair.edge;
    const bytes = Buffer.from(hex.replaceAll(" ", ""), "hex");
    for (let at = 0; at < bytes.length; at += 30_000) peer.inject(bytes.subarray(at, at + 30_000));
    await turns();
    for (const end of pair[to].ends) expect(CODES).toContain(end.code);
    await pair.close();
    expect(pair.clock.timers).toBe(0);
  });
});

describe("a link that greets", () => {
  it(`survives ${RUNS} strangers`, async () => {
    const random = seeded();
    for (let run = 0; run < RUNS; run++) {
      const pair = linkPair({
        edgeProof: { by: "listener", secretsOf: () => [new Secret(Buffer.alloc(32, 1))] },
        originProof: { by: "dialler", keyId: "shop", secret: new Secret(Buffer.alloc(32, 2)) },
        meddle: (role, message) => (role === "edge" ? [message] : [mutated(random, message)]),
      });
      if (random.chance(0.3)) pair.origin.inject(random.bytes(random.int(0, 1000)));
      await turns(6);
      expect(pair.edge.ups).toBe(0);
      await pair.clock.advance(6000);
      expect(pair.edge.ends).toHaveLength(1);
      expect(CODES).toContain(pair.edge.ends[0]?.code);
      await pair.close();
      expect(pair.clock.timers).toBe(0);
    }
  });
});
