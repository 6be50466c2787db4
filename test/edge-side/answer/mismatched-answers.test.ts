/**
 * Whatever an origin side sends in place of the right delta, the visitor gets the exact page or sees that it got none, from the
 * one exchange: a real edge side, and an origin side that is wrong on purpose.
 */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { AnswerForm, Frame, OpenFrame } from "../../../protocol/frames/frame.ts";
import { fingerprintOf, shortOf } from "../../../protocol/store/fingerprint.ts";
import { type EdgeHalf, openEdgeHalf, wiredHalf } from "../../kit/halves.ts";
import { watchLeaks } from "../../kit/leaks.ts";
import { type Random, seeded } from "../../kit/random.ts";
import {
  basesDigest,
  deltaForm,
  digestOf,
  encoded,
  resumeFrames,
  sameForm,
  segmentFrames,
  wholeAnswer,
} from "../../kit/scripted-answers.ts";
import { answerFrame, endFrame, type ScriptedPeer } from "../../kit/scripted-peer.ts";
import { type Visited, visit } from "../../kit/visits.ts";
import { laterPage, madePage } from "../../protocol/codec/made-pages.ts";

watchLeaks();

let edge: EdgeHalf;
let origin: ScriptedPeer;
let random: Random;
let opens: number;
beforeEach(async () => {
  edge = await openEdgeHalf();
  ({ peer: origin } = await wiredHalf(edge, "origin"));
  random = seeded();
  opens = 0;
});
afterEach(() => edge[Symbol.asyncDispose]());

const opened = async (): Promise<OpenFrame> => {
  opens++;
  return origin.nextOf("open");
};

/** The edge comes to hold this page. */
const learn = async (page: Buffer, path = "/"): Promise<void> => {
  const visited = visit(edge.port, { path });
  const { streamId } = await opened();
  origin.say(await wholeAnswer(streamId, page));
  expect((await visited).body.equals(page)).toBe(true);
};

/** Visits, and answers with these frames; then with the plain page, if it is asked for. */
const visitAnswered = async (
  page: Buffer,
  framesOf: (streamId: number) => readonly Frame[] | Promise<readonly Frame[]>,
  path = "/",
): Promise<{ visited: Visited; asked: OpenFrame; askedWhole: number | undefined }> => {
  // The pong takes along the acknowledgement, which else waits for company.
  const visiting = visit(edge.port, { path }).finally(() => origin.say({ kind: "ping", token: 1 }));
  const asked = await opened();
  origin.say(...(await framesOf(asked.streamId)));
  let askedWhole: number | undefined;
  for (;;) {
    const frame = await origin.next();
    if (frame.kind === "verified" && frame.offset === page.length) break;
    if (frame.kind === "reset") break;
    if (frame.kind !== "askWhole") continue;
    askedWhole = frame.offset;
    origin.say(...(await resumeFrames(asked.streamId, page, frame.offset)));
  }
  return { visited: await visiting, asked, askedWhole };
};

const expectExact = (visited: Visited, page: Buffer, what: string): void => {
  expect([visited.status, visited.cut], what).toEqual([200, false]);
  expect(visited.body.equals(page), `${what}: the exact page`).toBe(true);
};

it("every byte of a delta changed: the exact page, one exchange each, the base forgotten", async () => {
  const base = madePage(random, 4);
  const page = Buffer.concat([base.subarray(0, 400), Buffer.from("<p>17:42</p>"), base.subarray(400)]);
  const delta = await encoded([base], page);
  expect(delta.length).toBeLessThan(80);
  let mismatches = 0;
  for (let at = 0; at < delta.length; at++) {
    for (const flip of [0x01, 0x80]) {
      const path = `/${at}-${flip}`;
      const what = `byte ${at} ^ ${flip}`;
      await learn(base, path);
      const mutated = Buffer.from(delta);
      mutated[at] = (mutated[at] ?? 0) ^ flip;
      const before = edge.records.length;
      const { visited, asked, askedWhole } = await visitAnswered(
        page,
        (id) => [answerFrame(id, deltaForm(page, 1), { body: mutated, ended: true })],
        path,
      );
      expectExact(visited, page, what);
      const offered = asked.offers.at(-1) === shortOf(fingerprintOf(base));
      if (!offered) throw new Error(`the base was not the first offer: ${what}`);
      const record = await edge.record(before + 1);
      expect(record.mismatched, what).toBe(askedWhole === undefined ? undefined : true);
      if (askedWhole !== undefined) mismatches++;
      expect(edge.records.length, what).toBe(opens);
      edge.store.forget({ host: "www.example.com" });
    }
  }
  // Some bits say the same thing in another way; nearly all say something else.
  expect(mismatches).toBeGreaterThan(delta.length);
});

describe("a wrong answer in one piece", () => {
  const wrong: [string, (base: Buffer, page: Buffer) => Promise<{ form: AnswerForm; body?: Buffer }>][] = [
    ["same, but it is not", async (_, page) => ({ form: sameForm(page) })],
    ["same as an offer that was not made", async (_, page) => ({ form: sameForm(page, 5) })],
    [
      "delta on an offer that was not made",
      async (base, page) => ({ form: deltaForm(page, 3), body: await encoded([base], page) }),
    ],
    [
      "delta by an unknown codec",
      async (base, page) => ({ form: deltaForm(page, 1, 99), body: await encoded([base], page) }),
    ],
    [
      "delta of another page",
      async (base, page) => ({ form: deltaForm(page, 1), body: await encoded([base], base) }),
    ],
    ["delta that is noise", async (_, page) => ({ form: deltaForm(page, 1), body: random.bytes(50) })],
    [
      "delta that unpacks to far more than a page",
      async (base, page) => ({
        form: deltaForm(page, 1),
        body: await encoded([base], Buffer.alloc(16 * 1024 * 1024)),
      }),
    ],
  ];

  it.each(wrong)("%s: the exact page", async (what, made) => {
    const base = madePage(random, 20);
    const page = laterPage(random, base);
    await learn(base);
    const { form, body } = await made(base, page);
    const { visited, askedWhole } = await visitAnswered(page, (id) => [
      answerFrame(id, form, { ended: true, ...(body && { body }) }),
    ]);
    expectExact(visited, page, what);
    expect(askedWhole).toBe(0);
    expect(await edge.record(2)).toMatchObject({ status: 200, mismatched: true, reason: "mismatch" });
  });

  it("a delta that does not match forgets its base: the next visit does not offer it", async () => {
    const base = madePage(random, 20);
    const page = laterPage(random, base);
    await learn(base);
    await visitAnswered(page, (id) => [
      answerFrame(id, deltaForm(page, 1), { body: random.bytes(9), ended: true }),
    ]);
    const { asked } = await visitAnswered(page, (id) => [answerFrame(id, sameForm(page), { ended: true })]);
    expect(asked.offers).toEqual([shortOf(fingerprintOf(page))]);
  });

  it("a whole that is another page is 502: nothing was shown", async () => {
    const page = madePage(random, 20);
    const visiting = visit(edge.port);
    const { streamId } = await opened();
    const right = await wholeAnswer(streamId, page);
    origin.say({ ...right, body: await encoded([], laterPage(random, page)) } as Frame);
    const visited = await visiting;
    expect([visited.status, visited.body.includes("<ul>")]).toEqual([502, false]);
    expect((await edge.record(1)).failed).toBe("mismatch");
  });
});

describe("a wrong answer that streams", () => {
  const streamed = (bases: readonly Buffer[], digest = basesDigest(bases)): AnswerForm => ({
    kind: "delta",
    codec: 1,
    offers: 1,
    digest: { of: "bases", digest },
  });

  const held = async (): Promise<{ base: Buffer; page: Buffer; parts: Buffer[] }> => {
    const base = madePage(random, 60);
    const page = laterPage(random, base, 10);
    await learn(base);
    const third = Math.floor(page.length / 3);
    return {
      base,
      page,
      parts: [page.subarray(0, third), page.subarray(third, 2 * third), page.subarray(2 * third)],
    };
  };

  it("with another digest of its bases: the exact page, from its first byte", async () => {
    const { base, page, parts } = await held();
    const { visited, askedWhole } = await visitAnswered(page, async (id) => [
      answerFrame(id, streamed([base], "not their digest")),
      ...(await segmentFrames(id, [base], parts)),
      endFrame(id),
    ]);
    expectExact(visited, page, "digest");
    expect(askedWhole).toBe(0);
  });

  it.each([0, 1, 2])(
    "with a wrong proof at its segment %i: the exact page, plain from there",
    async (which) => {
      const { base, page, parts } = await held();
      const { visited, askedWhole } = await visitAnswered(page, async (id) => {
        let segment = 0;
        const frames = (await segmentFrames(id, [base], parts)).map((frame) =>
          frame.kind === "segment" && segment++ === which ? { ...frame, digest: "wrong!!!" } : frame,
        );
        return [answerFrame(id, streamed([base])), ...frames, endFrame(id)];
      });
      expectExact(visited, page, `segment ${which}`);
      expect(askedWhole).toBe(Buffer.concat(parts.slice(0, which)).length);
      expect(await edge.record(2)).toMatchObject({ mismatched: true });
    },
  );

  it("without its last proof: the exact page", async () => {
    const { base, page, parts } = await held();
    const { visited, askedWhole } = await visitAnswered(page, async (id) => {
      const frames = await segmentFrames(id, [base], parts);
      const last = frames.findLastIndex(({ kind }) => kind === "segment");
      return [answerFrame(id, streamed([base])), ...frames.toSpliced(last, 1), endFrame(id)];
    });
    expectExact(visited, page, "last proof");
    expect(askedWhole).toBe(page.length - (parts[2]?.length ?? 0));
  });

  it("twice: a cut that the visitor sees, never a page that looks complete", async () => {
    const { base, page, parts } = await held();
    const visiting = visit(edge.port);
    const { streamId } = await opened();
    const frames = await segmentFrames(streamId, [base], parts);
    const [first] = parts as [Buffer];
    origin.say(answerFrame(streamId, streamed([base])));
    let segment = 0;
    origin.say(
      ...frames.map(
        (frame): Frame =>
          frame.kind === "segment" && segment++ === 1 ? { ...frame, digest: "wrong!!!" } : frame,
      ),
      endFrame(streamId),
    );
    expect(await origin.nextOf("askWhole")).toMatchObject({ offset: first.length });
    const again = await resumeFrames(streamId, page, first.length);
    origin.say(
      ...again.map(
        (frame): Frame => (frame.kind === "segment" ? { ...frame, digest: digestOf(base) } : frame),
      ),
    );
    expect(await origin.nextOf("reset")).toMatchObject({ code: "mismatch" });
    const visited = await visiting;
    expect([visited.status, visited.cut, visited.body.equals(first)]).toEqual([200, true, true]);
    expect(await edge.record(2)).toMatchObject({ failed: "mismatch", mismatched: true });
  });

  it("whole: what was proved, then a cut", async () => {
    const page = madePage(random, 60);
    const parts = [page.subarray(0, 1_000), page.subarray(1_000)];
    const visiting = visit(edge.port);
    const { streamId } = await opened();
    origin.say(answerFrame(streamId, { kind: "whole", codec: 1, result: undefined }));
    let segment = 0;
    origin.say(
      ...(await segmentFrames(streamId, [], parts)).map(
        (frame): Frame =>
          frame.kind === "segment" && segment++ === 1 ? { ...frame, digest: "wrong!!!" } : frame,
      ),
    );
    expect(await origin.nextOf("reset")).toMatchObject({ code: "mismatch" });
    const visited = await visiting;
    expect([visited.cut, visited.body.equals(parts[0] ?? page)]).toEqual([true, true]);
  });

  it("a bomb: 502 or a cut, little memory, and the next visitor is served", async () => {
    const page = madePage(random, 10);
    await learn(page);
    const visiting = visit(edge.port, { path: "/bomb" });
    const { streamId } = await opened();
    origin.say(answerFrame(streamId, { kind: "whole", codec: 1, result: undefined }));
    const bomb = await segmentFrames(streamId, [], [Buffer.alloc(64 * 1024 * 1024)]);
    origin.say(...bomb.filter(({ kind }) => kind === "data"));
    const visited = await visiting;
    expect(visited.cut || visited.status === 502).toBe(true);
    expect(edge.memory.usedBytes).toBe(0);
    await origin.nextOf("reset");
    const { visited: next } = await visitAnswered(page, (id) => [
      answerFrame(id, sameForm(page), { ended: true }),
    ]);
    expectExact(next, page, "after the bomb");
  });
});
