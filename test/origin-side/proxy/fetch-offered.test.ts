/** Offers that an edge names behind its request, to a real origin side before a web server on loopback. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { answerSizesExtension } from "../../../protocol/frames/answer-sizes.ts";
import type { AnswerFrame, OffersFrame, StreamId } from "../../../protocol/frames/frame.ts";
import type { Hello } from "../../../protocol/frames/hello.ts";
import { wholeUnitsExtension } from "../../../protocol/frames/whole-units.ts";
import { type Clock, systemClock } from "../../../protocol/runtime/clock.ts";
import { fingerprintOf, shortOf } from "../../../protocol/store/fingerprint.ts";
import { FakeClock } from "../../kit/fake-clock.ts";
import { type FakeOrigin, openOrigin } from "../../kit/fake-origin.ts";
import { openOriginHalf, TEST_HOST, wiredHalf } from "../../kit/halves.ts";
import { watchLeaks } from "../../kit/leaks.ts";
import { seeded } from "../../kit/random.ts";
import { openFrame } from "../../kit/scripted-peer.ts";
import { stillness, until } from "../../kit/until.ts";
import { laterPage, madePage } from "../../protocol/codec/made-pages.ts";

watchLeaks();

let web: FakeOrigin;
let page: Buffer;
let type: string;
/** The web server works on its answer until then. */
let works: Promise<void> | undefined;
let open: AsyncDisposableStack;
beforeEach(async () => {
  open = new AsyncDisposableStack();
  page = madePage(seeded(), 50);
  type = "text/html";
  works = undefined;
  web = open.use(
    await openOrigin(async (_, response) => {
      await works;
      response.writeHead(200, { "Content-Type": type, "Content-Length": page.length });
      response.end(page);
    }),
  );
});
afterEach(() => open.disposeAsync());

/** An origin side that holds the page that its web server gives; the next stream is 2. */
const joined = async (hello: Partial<Hello> = {}, clock: Clock = systemClock) => {
  const side = open.use(await openOriginHalf({ port: web.port, clock }));
  const { peer: edge, ended } = await wiredHalf(side, "edge", hello);
  edge.say(openFrame(1));
  await edge.nextOf("answer");
  const old = shortOf(fingerprintOf(page));
  page = laterPage(seeded(), page);
  const asked = () => until(() => web.asked.length === 2, "the second request");
  return { side, edge, ended, old, asked };
};

const FOLLOWED = openFrame(2, { offersFollow: true });
const offersOf = (offers: readonly string[], extensions: OffersFrame["extensions"] = []): OffersFrame => ({
  kind: "offers",
  streamId: 2 as StreamId,
  offers,
  extensions,
});

describe("a request whose offers follow", () => {
  it("reaches the web server at once, and its answer builds on what is named", async () => {
    // It waits for them as long as this takes.
    const { edge, old, asked } = await joined({}, new FakeClock());
    edge.say(FOLLOWED);
    await asked();
    await stillness(() => edge.unheard);
    expect(edge.unheard).toBe(0);
    edge.say(offersOf([old]));
    const { form, body } = await edge.nextOf("answer");
    expect(form).toMatchObject({ kind: "delta", offers: 1 });
    expect(body.length).toBeLessThan(page.length / 10);
  });

  it.each([
    ["names none", [] as string[], undefined],
    ["names what is not held", ["notheld!"], "not-held"],
  ])("that %s is answered whole", async (_, offers, reason) => {
    const { side, edge } = await joined();
    edge.say(FOLLOWED, offersOf(offers));
    expect((await edge.nextOf("answer")).form.kind).toBe("whole");
    expect(await side.record(2)).toMatchObject({ answer: "whole", reason });
  });

  it("that never names them is answered whole, a while after its web server has answered", async () => {
    const { edge, old } = await joined();
    edge.say(FOLLOWED);
    expect((await edge.nextOf("answer")).form.kind).toBe("whole");
    edge.say(offersOf([old]), openFrame(3));
    expect(await edge.nextOf("answer")).toMatchObject({ streamId: 3 });
  });

  it("whose answer no base could help waits for none", async () => {
    const { edge } = await joined();
    type = "image/png";
    edge.say(FOLLOWED);
    const { form, body } = await edge.nextOf("answer");
    expect([form.kind, body.length]).toEqual(["passed", page.length]);
  });

  it("that is given up before it names them leaves nothing, and the link goes on", async () => {
    const { side, edge, old, asked } = await joined();
    edge.say(FOLLOWED);
    await asked();
    edge.say({ kind: "reset", streamId: 2 as StreamId, code: "cancelled", extensions: [] }, offersOf([old]));
    expect(await side.record(2)).toMatchObject({ failed: "cancelled" });
    edge.say(openFrame(3));
    expect((await edge.nextOf("answer")).form.kind).toBe("whole");
    await side.record(3);
    expect(side.memory.usedBytes).toBe(0);
  });

  it("says with its offers what the answer's size and its copies may tell", async () => {
    const { edge, old } = await joined();
    const sizes = answerSizesExtension({ kind: "padded", step: 64, streams: true, others: 1 });
    const answers: AnswerFrame[] = [];
    for (const [streamId, said] of [
      [2, []],
      [3, [sizes]],
      [4, [wholeUnitsExtension(1)]],
    ] as const) {
      edge.say(openFrame(streamId, { offersFollow: true }));
      edge.say({ ...offersOf([old], said), streamId: streamId as StreamId });
      answers.push(await edge.nextOf("answer"));
    }
    const [plain, padded, units] = answers;
    expect(plain?.extensions).toEqual([]);
    expect(padded?.extensions).toHaveLength(1);
    expect(units?.body).not.toEqual(plain?.body);
  });
});

describe("a request that offers what gives way while the web server works", () => {
  it("has an answer that builds on it", async () => {
    const { side, edge, old, asked } = await joined();
    await side.record(1);
    const answers = Promise.withResolvers<void>();
    works = answers.promise;
    edge.say(openFrame(2, { offers: [old] }));
    await asked();
    expect(side.store.forget({ host: TEST_HOST })).toBe(1);
    answers.resolve();
    const { form, body } = await edge.nextOf("answer");
    expect(form).toMatchObject({ kind: "delta", offers: 1 });
    expect(body.length).toBeLessThan(page.length / 10);
  });
});

describe("bad frames are", () => {
  it.each([
    ["offers that were not promised", [openFrame(2), offersOf([])]],
    ["offers that are named twice", [FOLLOWED, offersOf([]), offersOf([])]],
    [
      "padding that nobody asks for",
      [FOLLOWED, offersOf([], [{ tag: 12, bytes: Buffer.of(0x81, 0x40, 0) }])],
    ],
  ])("%s", async (_, frames) => {
    const { edge } = await joined();
    // The frames come in one turn: the stream is open until its web server has answered.
    edge.say(...frames);
    expect(await edge.ended).toMatch(/offers|padding/);
  });

  it("offers that follow where the sides did not agree on it", async () => {
    const { edge } = await joined({ features: [] });
    edge.say(FOLLOWED);
    expect(await edge.ended).toContain("may not");
  });
});
