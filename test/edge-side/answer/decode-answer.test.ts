import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { MOST_ROOM_WAIT_MS } from "../../../edge-side/exchange/visit-memory.ts";
import { STREAMING_CODEC } from "../../../protocol/codec/codecs.ts";
import { isBuffered } from "../../../protocol/frames/answer-form.ts";
import { basesDigest } from "../../../protocol/frames/digests.ts";
import type { AnswerForm } from "../../../protocol/frames/frame.ts";
import { fingerprintOf } from "../../../protocol/store/fingerprint.ts";
import { FakeClock, settle } from "../../kit/fake-clock.ts";
import { seeded } from "../../kit/random.ts";
import { decoding } from "../../kit/rebuilding.ts";
import { until } from "../../kit/until.ts";
import { madeVersions } from "../../protocol/codec/made-pages.ts";

const pages = (): [Buffer, Buffer, Buffer] =>
  madeVersions(seeded(), { rows: 30, count: 3 }) as [Buffer, Buffer, Buffer];
const resultOf = (page: Buffer): string => fingerprintOf(page).slice(0, 16);
const encoded = (bases: readonly Buffer[], page: Buffer) => STREAMING_CODEC.encode(bases, page);
const deltaOn = (offers: number, page: Buffer, codec = 1): AnswerForm => ({
  kind: "delta",
  codec,
  offers,
  digest: { of: "result", digest: resultOf(page) },
});

/** The plain page in segments, as an origin side sends it after a mismatch. */
const sayPlain = async (flow: ReturnType<typeof decoding>, page: Buffer, from = 0): Promise<void> => {
  flow.resume(from);
  const encoder = STREAMING_CODEC.streaming.encoder([]);
  await flow.data(await encoder.write(page.subarray(from)));
  flow.data(await encoder.flush());
  flow.segment(createHash("sha256").update(page).digest().toString("latin1", 0, 8));
  flow.data(await encoder.end());
  flow.end();
};

describe("an answer in one piece", () => {
  it.each<[AnswerForm, boolean]>([
    [{ kind: "passed" }, false],
    [{ kind: "same", offer: 0, result: "" }, true],
    [{ kind: "whole", codec: 1, result: "" }, true],
    [{ kind: "whole", codec: 1, result: undefined }, false],
    [{ kind: "delta", codec: 1, offers: 1, digest: { of: "result", digest: "" } }, true],
    [{ kind: "delta", codec: 1, offers: 1, digest: { of: "bases", digest: "" } }, false],
  ])("%j is one: %s", (form, is) => {
    expect(isBuffered(form)).toBe(is);
  });

  it("same is the offered page, proved and remembered", async () => {
    const [old, page] = pages();
    const flow = decoding(
      { kind: "same", offer: 1, result: resultOf(page) },
      { offered: [old, page] },
      { ended: true },
    );
    await flow.done;
    expect(flow.out).toMatchObject({ end: "complete", mismatched: [] });
    expect([flow.out.body.equals(page), flow.stream.acknowledgements]).toEqual([
      true,
      [`proved ${page.length} all`],
    ]);
    expect(flow.out.remembered).toHaveLength(1);
  });

  it("delta is rebuilt from bases in the order of the offers, from pieces of any size", async () => {
    const [first, second, page] = pages();
    const coded = await encoded([first, second], page);
    for (const cut of [0, 1, coded.length - 1]) {
      const form = deltaOn(0b101, page);
      const flow = decoding(form, { offered: [first, page, second] }, { body: coded.subarray(0, cut) });
      flow.data(coded.subarray(cut));
      await settle();
      expect(flow.out.pieces, "nothing before its end").toEqual([]);
      flow.end("closed");
      await flow.done;
      expect([flow.out.end, flow.out.body.equals(page)]).toEqual(["closed", true]);
      expect(flow.stream.acknowledgements).toEqual([`proved ${page.length} all`]);
      // What came inside the head's frame was taken too.
      expect(flow.stream.takenBytes).toBe(coded.length);
    }
  });

  it("whole is rebuilt, and nobody waits for word of it", async () => {
    const [page] = pages();
    const flow = decoding(
      { kind: "whole", codec: 1, result: resultOf(page) },
      {},
      { body: await encoded([], page), ended: true },
    );
    await flow.done;
    expect([flow.out.end, flow.out.body.equals(page), flow.stream.acknowledgements]).toEqual([
      "complete",
      true,
      [],
    ]);
  });

  it("of no bytes is proved and remembered", async () => {
    const empty = Buffer.alloc(0);
    const flow = decoding(
      { kind: "same", offer: 0, result: resultOf(empty) },
      { offered: [empty] },
      { ended: true },
    );
    await flow.done;
    expect([flow.out.end, flow.out.pieces, flow.stream.acknowledgements]).toEqual([
      "complete",
      [],
      ["proved 0 all"],
    ]);
  });
});

describe("an answer in one piece that does not prove", () => {
  const doubtful: [
    string,
    (page: Buffer, base: Buffer) => Promise<{ form: AnswerForm; body: Buffer }>,
    number,
  ][] = [
    [
      "a same with another result",
      async (page) => ({ form: { kind: "same", offer: 0, result: resultOf(page) }, body: Buffer.alloc(0) }),
      1,
    ],
    [
      "a same of an offer that was not made",
      async (page) => ({ form: { kind: "same", offer: 1, result: resultOf(page) }, body: Buffer.alloc(0) }),
      0,
    ],
    [
      "a same of an offer 32 further on",
      async (page) => ({ form: { kind: "same", offer: 32, result: resultOf(page) }, body: Buffer.alloc(0) }),
      0,
    ],
    [
      "a delta on an offer that was not made",
      async (page, base) => ({ form: deltaOn(0b11, page), body: await encoded([base], page) }),
      0,
    ],
    [
      "a delta by a codec that is not known",
      async (page, base) => ({ form: deltaOn(1, page, 77), body: await encoded([base], page) }),
      1,
    ],
    ["a delta that is nothing", async (page) => ({ form: deltaOn(1, page), body: Buffer.alloc(0) }), 1],
    [
      "a delta with bytes after it",
      async (page, base) => ({
        form: deltaOn(1, page),
        body: Buffer.concat([await encoded([base], page), Buffer.of(0)]),
      }),
      1,
    ],
    [
      "a delta on nothing, and wrong",
      async (page) => ({ form: deltaOn(0, page), body: await encoded([], Buffer.from("x")) }),
      0,
    ],
  ];

  it.each(doubtful)(
    "%s: nothing goes out, the plain page is asked for, its bases are forgotten",
    async (_, made, bases) => {
      const [base, page] = pages();
      const { form, body } = await made(page, base);
      const flow = decoding(form, { offered: [base] }, { body, ended: true });
      await until(() => flow.stream.acknowledgements.length > 0 || flow.out.over);
      expect([flow.stream.acknowledgements, flow.out.pieces]).toEqual([["askWhole 0"], []]);
      expect(flow.out.mismatched.map(({ length }) => length)).toEqual([bases]);
      await sayPlain(flow, page);
      await flow.done;
      expect([flow.out.end, flow.out.body.equals(page)]).toEqual(["complete", true]);
      expect(flow.stream.acknowledgements).toEqual(["askWhole 0", `proved ${page.length} all`]);
      expect(flow.out.remembered).toHaveLength(1);
    },
  );

  it.each<[string, (page: Buffer, base: Buffer) => AnswerForm]>([
    ["same", (_, base) => ({ kind: "same", offer: 0, result: resultOf(base) })],
    ["delta", (page) => deltaOn(1, page)],
    [
      "delta in segments",
      (_, base) => ({
        kind: "delta",
        codec: 1,
        offers: 1,
        digest: { of: "bases", digest: basesDigest([{ fingerprint: fingerprintOf(base) }]) },
      }),
    ],
  ])("a %s on a base that is damaged here comes whole", async (_, formOf) => {
    const [base, page] = pages();
    const form = formOf(page, base);
    const body = form.kind === "same" ? Buffer.alloc(0) : await encoded([base], page);
    const expected = form.kind === "same" ? base : page;
    const flow = decoding(form, { offered: [base], damaged: true }, { body, ended: true });
    await until(() => flow.stream.acknowledgements.length > 0 || flow.out.over);
    expect([flow.stream.acknowledgements, flow.out.pieces]).toEqual([["askWhole 0"], []]);
    await sayPlain(flow, expected);
    await flow.done;
    expect([flow.out.end, flow.out.body.equals(expected)]).toEqual(["complete", true]);
  });

  it("a delta on no base at all is proved too, or its stream would never end", async () => {
    const [page] = pages();
    const flow = decoding(deltaOn(0, page), {}, { body: await encoded([], page), ended: true });
    await flow.done;
    expect([flow.out.body.equals(page), flow.stream.acknowledgements]).toEqual([
      true,
      [`proved ${page.length} all`],
    ]);
  });

  it("a whole is the end: nobody has retained it", async () => {
    const [page, other] = pages();
    const flow = decoding(
      { kind: "whole", codec: 1, result: resultOf(page) },
      {},
      { body: await encoded([], other), ended: true },
    );
    await flow.done;
    expect([flow.out.failed, flow.out.pieces, flow.out.remembered]).toEqual(["mismatch", [], []]);
  });

  it("a page larger than allowed is not decoded", async () => {
    const page = Buffer.alloc(1001);
    const flow = decoding(
      { kind: "whole", codec: 1, result: resultOf(page) },
      { pageBytes: 1000 },
      { body: await encoded([], page), ended: true },
    );
    await flow.done;
    expect(flow.out.failed).toBe("mismatch");
  });

  it.each([
    [0, "complete"],
    [-1, "internal"],
  ])("a whole with as much memory as its coded bytes and %i: %s, in time", async (more, outcome) => {
    const page = seeded().bytes(91);
    const coded = await encoded([], page);
    const clock = new FakeClock();
    const flow = decoding(
      { kind: "whole", codec: 1, result: resultOf(page) },
      { shareBytes: coded.length + more, clock },
    );
    flow.data(coded);
    flow.end();
    await settle();
    expect(flow.out.over).toBe(outcome === "complete");
    await clock.advance(MOST_ROOM_WAIT_MS);
    await flow.done;
    expect([flow.out.failed ?? flow.out.end, clock.timers]).toEqual([outcome, 0]);
  });

  it.each(["what it is collected from", "the page"])(
    "a delta without memory for %s comes as plain bytes",
    async (what) => {
      const [base, page] = pages();
      const coded = await encoded([base], page);
      const shareBytes = what === "the page" ? page.length - 1 : coded.length - 1;
      const flow = decoding(deltaOn(1, page), { offered: [base], shareBytes });
      flow.data(coded);
      flow.end();
      await until(() => flow.stream.acknowledgements.length > 0);
      await sayPlain(flow, page);
      await flow.done;
      expect([flow.out.body.equals(page), flow.out.mismatched]).toEqual([true, []]);
      expect(flow.stream.acknowledgements).toEqual(["askWhole 0", `proved ${page.length} all`]);
    },
  );

  it("a page is held until its visit is over, and what it was collected from only until then", async () => {
    const [base, page] = pages();
    const coded = await encoded([base], page);
    const flow = decoding(deltaOn(1, page), { offered: [base] }, { body: coded, ended: true });
    await flow.done;
    expect(flow.memory.usedBytes).toBe(page.length);
    flow.visit.release();
    expect(flow.memory.usedBytes).toBe(0);
  });

  it.each(["segment", "resume"] as const)("a %s inside it is not one of its frames", async (kind) => {
    const [page] = pages();
    const flow = decoding({ kind: "whole", codec: 1, result: resultOf(page) });
    if (kind === "segment") flow.segment("12345678");
    else flow.resume(0);
    await flow.done;
    expect(flow.out.failed).toBe("internal");
  });
});

describe("a passed answer", () => {
  it("goes out as it comes, and gives its credit back as it is taken", async () => {
    const flow = decoding({ kind: "passed" }, {}, { body: Buffer.from("a") });
    flow.data(Buffer.from("bc"));
    flow.end("closed");
    await flow.done;
    expect([flow.out.body.toString(), flow.out.end, flow.stream.takenBytes]).toEqual(["abc", "closed", 3]);
    expect(flow.out.remembered).toEqual([]);
  });

  it("holds no segments", async () => {
    const flow = decoding({ kind: "passed" });
    flow.segment("12345678");
    await flow.done;
    expect(flow.out.failed).toBe("internal");
  });
});
