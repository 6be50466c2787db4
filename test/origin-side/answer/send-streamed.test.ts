import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { PAUSE_MS } from "../../../origin-side/answer/buffer-body.ts";
import { MOST_ALONE, MOST_WITH_BASES } from "../../../origin-side/answer/compressor-limits.ts";
import {
  LEAST_UNVERIFIED_BYTES,
  MOST_UNVERIFIED_BYTES,
  PACE_MS,
  type StreamedPage,
  streamPage,
} from "../../../origin-side/answer/send-streamed.ts";
import { fingerprintOf } from "../../../protocol/store/fingerprint.ts";
import type { BodyEnd } from "../../../protocol/upstream/body.ts";
import { type AnsweringOptions, answeringOf, gatheredOf } from "../../kit/answering.ts";
import { readSegments } from "../../kit/coded-body.ts";
import { settle } from "../../kit/fake-clock.ts";
import { seeded } from "../../kit/random.ts";
import { quiet, until } from "../../kit/until.ts";
import { laterPage, madePage } from "../../protocol/codec/made-pages.ts";

const END: BodyEnd = { how: "complete", trailers: [] };

const streaming = (gathered: readonly Buffer[] = [], options: AnsweringOptions = {}) => {
  const flow = answeringOf(options);
  const seen: { page?: StreamedPage | undefined; failed?: string; over: boolean } = { over: false };
  const lease = gatheredOf(gathered, flow.memory);
  const done = streamPage(flow.answering, lease).then(
    (page) => Object.assign(seen, { page, over: true }),
    (error: { code?: string; message: string }) =>
      Object.assign(seen, { failed: error.code ?? error.message, over: true }),
  );
  const still = () => quiet(() => flow.stream.sent.length + (seen.over ? 1 : 0), flow.coding);
  const ended = () => until(() => seen.over || flow.stream.sentOf("end").length > 0, "the end of the answer");
  return {
    ...flow,
    seen,
    done,
    lease: lease.lease,
    /** The web server sends a piece; returns when it has been worked on. */
    async push(piece: Buffer) {
      flow.answering.body.push(piece);
      await still();
    },
    async pause() {
      await still();
      await flow.clock.advance(PAUSE_MS);
      await still();
    },
    async end(end = END) {
      flow.answering.body.push(end);
      await still();
    },
    ended,
    still,
  };
};

const digestOf = (...bases: readonly Buffer[]): string => {
  const hash = createHash("sha256");
  for (const base of bases) hash.update(fingerprintOf(base), "latin1");
  return hash.digest().toString("latin1", 0, 16);
};

describe("a page that streams whole", () => {
  it("has its head at once, leaves when the web server pauses, and needs no proof", async () => {
    const flow = streaming([Buffer.from("begin, ")]);
    await flow.still();
    expect(flow.stream.sent[0]).toMatchObject({ kind: "answer", form: { kind: "whole", codec: 1 } });
    expect(flow.stream.sentOf("segment")).toHaveLength(0);
    await flow.pause();
    expect(await readSegments(flow.stream.sent, [])).toMatchObject({ segments: [7], unverified: 0 });
    await flow.clock.advance(PACE_MS);
    await flow.push(Buffer.from("middle, "));
    await flow.pause();
    expect((await readSegments(flow.stream.sent, [])).body.toString()).toBe("begin, middle, ");
    await flow.push(Buffer.from("end"));
    await flow.end({ how: "closed", trailers: ["X", "1"] });
    await flow.done;
    const read = await readSegments(flow.stream.sent, []);
    expect(read).toMatchObject({ unverified: 0, ended: "closed" });
    expect(flow.stream.sentOf("trailers")).toMatchObject([{ head: ["X", "1"] }]);
    expect(flow.seen.page?.sent).toEqual({ answer: "whole", bases: 0, pageBytes: 18, streamed: true });
    expect(Buffer.concat(flow.seen.page?.pieces ?? []).toString()).toBe("begin, middle, end");
    expect(flow.clock.timers).toBe(0);
  });

  it("counts as waited for only while it is: coding takes its own time", async () => {
    const { answering, clock, memory, options } = answeringOf();
    const underWay: (() => void)[] = [];
    const code = () => new Promise<Buffer>((done) => underWay.push(() => done(Buffer.from("coded"))));
    const coded = async () => {
      await until(() => underWay.length > 0, "coding");
      await clock.advance(100);
      underWay.pop()?.();
      await settle();
    };
    const encoder = { write: code, flush: code, end: code, destroy() {} };
    const { streaming } = options;
    const codec = { ...streaming, streaming: { ...streaming.streaming, encoder: () => encoder } };
    const page = streamPage(
      { ...answering, options: { ...options, streaming: codec } },
      { ...gatheredOf([Buffer.from("begin, ")], memory), waitedMs: 3 },
    );
    await coded();
    await clock.advance(PAUSE_MS);
    await coded();
    await clock.advance(20);
    answering.body.push(Buffer.from("end"));
    answering.body.push(END);
    await coded();
    await coded();
    expect((await page)?.waitedMs).toBe(3 + PAUSE_MS + 20);
  });

  it("may not mismatch: that ends it", async () => {
    const flow = streaming([Buffer.from("begin")]);
    await flow.pause();
    await flow.stream.asksWhole(0);
    await flow.still();
    expect(flow.seen.failed).toBe("mismatch");
    expect(flow.stream.sentOf("resume")).toHaveLength(0);
  });
});

describe("a page that streams as a delta", () => {
  const rows = Array.from(
    { length: 3_000 },
    (_, i) => `<li>${i} ${createHash("md5").update(`${i}`).digest("hex")}\n`,
  );
  const base = Buffer.from(rows.join(""));
  const page = Buffer.from(
    ["<!-- new -->", ...rows.slice(0, 2_000), "<b>now</b>", ...rows.slice(2_000)].join(""),
  );

  it("names its bases by their digest and is small, each segment proved", async () => {
    const flow = streaming([page.subarray(0, 50_000)], { bases: [base] });
    await flow.pause();
    const [answer] = flow.stream.sentOf("answer");
    expect(answer?.form).toEqual({
      kind: "delta",
      codec: 1,
      offers: 1,
      digest: { of: "bases", digest: digestOf(base) },
    });
    await flow.push(page.subarray(50_000));
    await flow.end();
    expect(flow.seen.over).toBe(false);
    await flow.stream.verifies(page.length);
    await flow.done;
    const read = await readSegments(flow.stream.sent, [base]);
    expect([read.body.equals(page), read.unverified, flow.stream.digests]).toEqual([true, 0, 1]);
    const coded = flow.stream.sentOf("data").reduce((sum, { bytes }) => sum + bytes.length, 0);
    expect(coded).toBeLessThan(page.length / 50);
    expect(flow.seen.page?.sent).toMatchObject({ answer: "delta", bases: 1, pageBytes: page.length });
  });

  it("that does not match in the middle goes on with plain bytes from there", async () => {
    const flow = streaming([page.subarray(0, 1_000)], { bases: [base] });
    await flow.pause();
    await flow.push(page.subarray(1_000, 2_000));
    await flow.pause();
    flow.stream.sent.length = 0;
    await flow.stream.asksWhole(1_000);
    await flow.still();
    expect(flow.stream.sent[0]).toEqual({ kind: "resume", offset: 1_000, codec: 1 });
    await flow.push(page.subarray(2_000));
    await flow.end();
    await flow.ended();
    const read = await readSegments(flow.stream.sent, [], page.subarray(0, 1_000));
    expect([read.body.equals(page.subarray(1_000)), read.unverified, read.ended]).toEqual([
      true,
      0,
      "complete",
    ]);
    await flow.stream.verifies(page.length);
    await flow.done;
    expect([flow.seen.page?.sent.answer, flow.stream.digests]).toEqual(["delta", 1]);
  });

  it("that does not match after its end gives the plain bytes and an end again", async () => {
    const flow = streaming([page], { bases: [base] });
    await flow.end();
    await flow.ended();
    flow.stream.sent.length = 0;
    await flow.stream.asksWhole(0);
    await flow.ended();
    const read = await readSegments(flow.stream.sent, []);
    expect([read.body.equals(page), read.ended]).toEqual([true, "complete"]);
    await flow.stream.asksWhole(0);
    await flow.done;
    expect(flow.seen.failed).toBe("mismatch");
  });

  it("that did not match goes on without word of the edge, for nothing is retained any more", async () => {
    const flow = streaming([page.subarray(0, 1_000)], { bases: [base] });
    await flow.pause();
    await flow.stream.asksWhole(0);
    await flow.still();
    const held = flow.memory.usedBytes;
    for (let pushed = 0; pushed < 2 * MOST_UNVERIFIED_BYTES; pushed += 64 * 1024)
      flow.answering.body.push(Buffer.alloc(64 * 1024, "x"));
    await flow.end();
    expect(flow.stream.kinds.at(-1)).toBe("end");
    expect(flow.memory.usedBytes - held).toBeLessThan(3 * MOST_UNVERIFIED_BYTES);
    flow.stream.leaves("cancelled");
    await flow.done;
  });

  it.each([
    ["its bound", MOST_UNVERIFIED_BYTES, {}],
    // Nothing of it is kept, as it is too large for that, so the share is what may be unverified.
    [
      "what there is memory for",
      LEAST_UNVERIFIED_BYTES,
      { pageBytes: 1, shareBytes: MOST_UNVERIFIED_BYTES - 1 },
    ],
  ])("gets no further than %s ahead of what is proved, then goes on", async (_, bound, options) => {
    const flow = streaming([], { bases: [base], pageBytes: 1 << 20, ...options });
    const piece = Buffer.alloc(64 * 1024, "y");
    const pieces = (3 * MOST_UNVERIFIED_BYTES) / piece.length;
    for (let pushed = 0; pushed < pieces; pushed++) flow.answering.body.push(piece);
    await flow.end();
    await flow.still();
    const stopped = await readSegments(flow.stream.sent, [base]);
    const sent = stopped.body.length;
    expect(sent).toBeGreaterThanOrEqual(bound);
    expect(sent).toBeLessThanOrEqual(bound + piece.length);
    await flow.stream.verifies(sent);
    await flow.still();
    const on = await readSegments(flow.stream.sent, [base]);
    expect(on.body.length).toBeGreaterThan(sent);
    flow.stream.leaves("cancelled");
    await flow.done;
    expect(flow.seen.failed).toBe("cancelled");
    expect(flow.lease.bytes).toBe(0);
  });

  it("that is made slowly reserves half of its bound, so that all there may be leave memory to others", async () => {
    const flow = streaming([page], { bases: [base] });
    await flow.pause();
    expect(flow.lease.bytes).toBe(page.length + LEAST_UNVERIFIED_BYTES);
    expect(MOST_WITH_BASES * LEAST_UNVERIFIED_BYTES).toBeLessThanOrEqual(32 * 1024 * 1024);
    flow.stream.leaves("cancelled");
    await flow.done;
  });

  it("takes one of the contexts with bases, else one without, else is not begun", async () => {
    const flow = answeringOf({ bases: [base] });
    for (let taken = 0; taken < MOST_WITH_BASES; taken++) flow.contexts.take("withBases");
    const alone = streamPage(flow.answering, gatheredOf([page], flow.memory));
    flow.answering.body.push(END);
    expect((await alone)?.sent.answer).toBe("whole");
    for (let taken = 0; taken < MOST_ALONE; taken++) flow.contexts.take("alone");
    const none = answeringOf({ bases: [base] });
    const sent = streamPage({ ...none.answering, options: flow.options }, gatheredOf([page], none.memory));
    expect(await sent).toBeUndefined();
    expect(none.stream.sent).toEqual([]);
  });

  it("without budget for what it may have to send again streams whole", async () => {
    const flow = streaming([page], { bases: [base], shareBytes: page.length + LEAST_UNVERIFIED_BYTES - 1 });
    await flow.end();
    await flow.done;
    expect(flow.seen.page?.sent).toMatchObject({ answer: "whole", reason: "budget" });
  });

  it("builds on nothing that others at the address may have been sent, for an edge that reads no units", async () => {
    for (const options of [{ splice: true, readsUnits: false }, { splice: false }]) {
      const flow = streaming([page], { bases: [base], wholeUnits: 1, ...options });
      await flow.end();
      await flow.done;
      expect(flow.seen.page?.sent).toMatchObject({ answer: "whole", reason: "streamed" });
    }
  });
});

describe("a page that streams on what others at the address may have been sent", () => {
  const rows = Array.from({ length: 900 }, (_, i) => `<li>row ${i} of the page</li>\n`);
  const base = Buffer.from(rows.join(""));
  const page = Buffer.from([...rows.slice(0, 500), "<b>now</b>", ...rows.slice(500)].join(""));

  it.each([
    ["it is the best base", { bases: [Buffer.from("<p>everybody's"), base], wholeUnits: 2 }, 3, 3],
    ["it is the only one", { bases: [base], wholeUnits: 1 }, 3, 1],
    ["a personal page, whoever's the base is", { bases: [base], addressed: true }, 3, 1],
    ["but the best one is everybody's", { bases: [Buffer.from("<p>"), base], wholeUnits: 1 }, 1, 2],
  ])("copies whole units: %s", async (_, options, codec, offers) => {
    const flow = streaming([page.subarray(0, 9_000)], { splice: true, ...options });
    await flow.pause();
    await until(() => flow.stream.sentOf("segment").length === 1, "a segment");
    expect(flow.stream.sentOf("answer")[0]?.form).toMatchObject({ kind: "delta", codec, offers });
    await flow.push(page.subarray(9_000));
    await flow.end();
    await flow.ended();
    await flow.stream.verifies(page.length);
    await flow.done;
    expect(flow.stream.sentOf("segment")).toHaveLength(2);
    const coded = flow.stream.sentOf("data").reduce((sum, { bytes }) => sum + bytes.length, 0);
    expect(coded).toBeLessThan(150);
  });

  it("goes on with plain bytes where they do not verify", async () => {
    const flow = streaming([page.subarray(0, 1_000)], { bases: [base], splice: true, wholeUnits: 1 });
    await flow.pause();
    await until(() => flow.stream.sentOf("segment").length === 1, "a segment");
    flow.stream.sent.length = 0;
    await flow.stream.asksWhole(0);
    await flow.push(page.subarray(1_000));
    await flow.end();
    await flow.ended();
    expect(flow.stream.sent[0]).toEqual({ kind: "resume", offset: 0, codec: 1 });
    expect((await readSegments(flow.stream.sent, [])).body.equals(page)).toBe(true);
    await flow.stream.verifies(page.length);
    await flow.done;
  });

  it("builds on as many of the best as are quickly looked through", async () => {
    const large = Buffer.concat(Array.from({ length: 70 }, () => base));
    const flow = streaming([page], { bases: [large, base, base], splice: true, addressed: true });
    await flow.pause();
    expect(flow.stream.sentOf("answer")[0]?.form).toMatchObject({ codec: 3, offers: 6 });
    flow.stream.leaves("cancelled");
    await flow.done;
  });
});

describe("a page that is too large to be kept", () => {
  it("streams, and gives back the memory of what was kept", async () => {
    const piece = Buffer.alloc(1_000, "z");
    const flow = streaming([piece], { pageBytes: 3_500 });
    for (let pushed = 0; pushed < 2; pushed++) await flow.push(piece);
    expect(flow.lease.bytes).toBe(3_000);
    await flow.push(piece);
    expect(flow.lease.bytes).toBe(0);
    await flow.end();
    await flow.done;
    expect(flow.seen.page).toMatchObject({ sent: { pageBytes: 4_000 }, pieces: undefined });
    expect((await readSegments(flow.stream.sent, [])).body.length).toBe(4_000);
  });
});

it("a web server that breaks off ends the stream as truncated", async () => {
  const flow = streaming([Buffer.from("half")]);
  await flow.still();
  const { StreamError } = await import("../../../protocol/errors.ts");
  flow.answering.body.fail(new StreamError("truncated"));
  await flow.done;
  expect(flow.seen.failed).toBe("truncated");
  expect(flow.stream.sentOf("end")).toHaveLength(0);
});

it("made pages stream alike", async () => {
  const random = seeded();
  const base = madePage(random, 60);
  const page = laterPage(random, base);
  const flow = streaming([], { bases: [base] });
  for (let at = 0; at < page.length; ) {
    const bytes = random.int(1, 3_000);
    await flow.push(page.subarray(at, at + bytes));
    if (random.chance(0.5)) await flow.pause();
    at += bytes;
  }
  await flow.end();
  await flow.stream.verifies(page.length);
  await flow.done;
  expect((await readSegments(flow.stream.sent, [base])).body.equals(page)).toBe(true);
});
