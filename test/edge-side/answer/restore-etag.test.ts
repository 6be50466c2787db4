/** Heads that leave their entity tag out, from an origin side that is right, or wrong on purpose: the exact tag, or no head at all. */
import { createHash } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { RestoredEtag } from "../../../edge-side/answer/restore-etag.ts";
import type { AnswerForm, AnswerFrame, Frame, OpenFrame, StreamId } from "../../../protocol/frames/frame.ts";
import type { Hello } from "../../../protocol/frames/hello.ts";
import type { HeaderList } from "../../../protocol/http/header-list.ts";
import { type EdgeHalf, openEdgeHalf, wiredHalf } from "../../kit/halves.ts";
import { watchLeaks } from "../../kit/leaks.ts";
import { type Random, seeded } from "../../kit/random.ts";
import {
  basesDigest,
  deltaForm,
  encoded,
  resultOf,
  sameForm,
  segmentFrames,
  wholeAnswer,
} from "../../kit/scripted-answers.ts";
import { answerFrame, endFrame, type ScriptedPeer } from "../../kit/scripted-peer.ts";
import { type Visited, visit } from "../../kit/visits.ts";
import { laterPage, madePage } from "../../protocol/codec/made-pages.ts";

watchLeaks();

/** MD5 in hexadecimal, strong. */
const MD5 = "\x12";
const tagOf = (page: Buffer) => `"${createHash("md5").update(page).digest("hex")}"`;
const headWith = (...fields: readonly string[]): HeaderList => [
  ":status",
  "200",
  "Content-Type",
  "text/html",
  ...fields,
  "X-Last",
  "1",
];

let edge: EdgeHalf;
let origin: ScriptedPeer;
let random: Random;
beforeEach(() => {
  random = seeded();
});
afterEach(() => edge[Symbol.asyncDispose]());

const start = async (hello: Partial<Hello> = {}): Promise<void> => {
  edge = await openEdgeHalf({ settings: { visitors: { listen: "127.0.0.1:0", compress: "off" } } });
  ({ peer: origin } = await wiredHalf(edge, "origin", hello));
};

/** What the edge said of earlier exchanges is passed over. */
const nextOpen = async (): Promise<OpenFrame> => {
  for (;;) {
    const frame = await origin.next();
    if (frame.kind === "open") return frame;
    expect(["verified", "reset"]).toContain(frame.kind);
  }
};

type Framed = (streamId: number) => Promise<readonly Frame[]>;

/** Visits, and answers with these frames; with those of `resumed` where it is asked for the whole. */
const visited = async (first: Framed, resumed?: Framed): Promise<Visited> => {
  const visiting = visit(edge.port);
  const { streamId } = await nextOpen();
  origin.say(...(await first(streamId)));
  if (resumed !== undefined) {
    expect(await origin.nextOf("askWhole")).toMatchObject({ offset: 0 });
    origin.say(...(await resumed(streamId)));
  }
  return visiting;
};

const whole = async (streamId: number, page: Buffer, head: HeaderList): Promise<Frame> => ({
  ...((await wholeAnswer(streamId, page)) as AnswerFrame),
  head,
});

const expectTagged = (seen: Visited, page: Buffer, tag = tagOf(page)): void => {
  expect([seen.status, seen.cut]).toEqual([200, false]);
  expect(seen.body.equals(page)).toBe(true);
  expect(seen.fields.slice(0, 6)).toEqual(["Content-Type", "text/html", "ETag", tag, "X-Last", "1"]);
};

/** The link still serves. */
const expectServed = async (): Promise<void> => {
  const page = madePage(random, 5);
  expectTagged(await visited(async (id) => [await whole(id, page, headWith("ETag", tagOf(page)))]), page);
};

describe("the visitor gets the tag of the page", () => {
  it("that came whole, as a delta and as the same", async () => {
    await start();
    const base = madePage(random, 40);
    const page = laterPage(random, base);
    const head = headWith("ETag", MD5);
    expectTagged(await visited(async (id) => [await whole(id, base, head)]), base);
    const delta = await encoded([base], page);
    const body = { head, body: delta, ended: true };
    expectTagged(await visited(async (id) => [answerFrame(id, deltaForm(page, 1), body)]), page);
    expectTagged(
      await visited(async (id) => [answerFrame(id, sameForm(page, 1), { head, ended: true })]),
      page,
    );
  });

  it("that is empty", async () => {
    await start();
    const page = Buffer.alloc(0);
    expectTagged(await visited(async (id) => [await whole(id, page, headWith("ETag", MD5))]), page);
  });

  it.each([1, 2, 9])("that came again as plain bytes, in %i segments", async (segments) => {
    await start();
    const page = Buffer.concat(Array.from({ length: segments }, () => madePage(random, 300)));
    const size = Math.ceil(page.length / segments);
    const parts = Array.from({ length: segments }, (_, i) => page.subarray(i * size, (i + 1) * size));
    const seen = await visited(
      async (id) => [answerFrame(id, sameForm(page, 3), { head: headWith("ETag", MD5), ended: true })],
      async (id) => [
        { kind: "resume", streamId: id as StreamId, offset: 0, codec: 1, tag: tagOf(page) },
        ...(await segmentFrames(id, [], parts)),
        endFrame(id),
      ],
    );
    expectTagged(seen, page);
  });
});

describe("a head with the name of a formula goes no further, and others are served,", () => {
  const page = Buffer.from("<p>a page</p>".repeat(20));
  const one: AnswerForm = { kind: "whole", codec: 1, result: resultOf(page) };
  const streamed: AnswerForm = { kind: "whole", codec: 1, result: undefined };
  const digest = { of: "bases", digest: basesDigest([]) } as const;

  it.each<[string, AnswerForm, HeaderList]>([
    ["where the answer is passed", { kind: "passed" }, headWith("ETag", MD5)],
    ["where it streams", streamed, headWith("ETag", MD5)],
    ["where it is a streamed delta", { kind: "delta", codec: 1, offers: 0, digest }, headWith("ETag", MD5)],
    ["where there are two tags", one, headWith("ETag", MD5, "ETag", '"a"')],
    ["where it is no formula", one, headWith("ETag", "\x1c")],
    ["where there is more beside it", one, headWith("ETag", `${MD5} `)],
    ["where the field is another", one, headWith("X-ETag", MD5)],
  ])("%s", async (_, form, head) => {
    await start();
    const body = form.kind === "passed" ? page : await encoded([], page);
    const seen = await visited(async (id) => [answerFrame(id, form, { head, body, ended: true })]);
    expect([seen.status, seen.headers.etag]).toEqual([502, undefined]);
    expect(await edge.record(1)).toMatchObject({ failed: "origin-failed" });
    await expectServed();
  });

  it("where it is an interim one", async () => {
    await start();
    const head = [":status", "103", "ETag", MD5];
    const seen = await visited(async (id) => [answerFrame(id, { kind: "interim" }, { head })]);
    expect(seen.status).toBe(502);
    await expectServed();
  });

  it("where the origin side never said that it would", async () => {
    await start({ features: ["push", "requests"] });
    const seen = await visited(async (id) => [await whole(id, page, headWith("ETag", MD5))]);
    expect([seen.status, seen.headers.etag]).toEqual([502, undefined]);
    await expectServed();
  });
});

describe("plain bytes that come with a wrong tag are shown to nobody:", () => {
  const page = Buffer.from("<p>a page</p>".repeat(20));

  it.each<[string, readonly string[], Partial<{ tag: string }>]>([
    ["none, where the head left it out", ["ETag", MD5], {}],
    ["one that is none", ["ETag", MD5], { tag: "a" }],
    ["one that begins another field", ["ETag", MD5], { tag: '"a"\r\nX: y' }],
    ["the name of a formula", ["ETag", MD5], { tag: MD5 }],
    ["one, where the head said it", ["ETag", tagOf(page)], { tag: tagOf(page) }],
    ["one, where the head has none", [], { tag: tagOf(page) }],
  ])("%s", async (_, fields, tag) => {
    await start();
    const seen = await visited(
      async (id) => [answerFrame(id, sameForm(page, 3), { head: headWith(...fields), ended: true })],
      async (id) => [
        { kind: "resume", streamId: id as StreamId, offset: 0, codec: 1, ...tag },
        ...(await segmentFrames(id, [], [page])),
        endFrame(id),
      ],
    );
    expect([seen.status, seen.headers.etag, seen.body.includes("a page")]).toEqual([502, undefined, false]);
    expect(await origin.nextOf("reset")).toMatchObject({ code: "internal" });
    await expectServed();
  });
});

it("a head is not complete before its tag is known", async () => {
  await start();
  const page = Buffer.from("page");
  const head = headWith("ETag", MD5);
  const frame = answerFrame(1, { kind: "whole", codec: 1, result: resultOf(page) }, { head }) as AnswerFrame;
  const tag = RestoredEtag.of(frame, true);
  expect(tag?.list).toEqual(headWith("ETag", ""));
  const cleaned = { status: 200, reason: "OK", fields: tag?.list ?? [] };
  expect(() => tag?.into(cleaned)).toThrow(/no entity tag/);
  expect(RestoredEtag.of(frame, false)).toBeUndefined();
});
