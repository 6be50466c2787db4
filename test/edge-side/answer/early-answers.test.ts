// A page that takes turns to read, and comes in pieces: what is given out is what it would be if all had come at once.
import { setImmediate as turn } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { foldedCodec, foldOn, withMasks } from "../../../protocol/codec/folded.ts";
import { spliceCodec, spliceMixedAlone, spliceMixedInTurns } from "../../../protocol/codec/splice.ts";
import type { AnswerForm } from "../../../protocol/frames/frame.ts";
import { whole } from "../../../protocol/mixing/coded-in-turns.ts";
import { LONG_PAGES } from "../../../protocol/mixing/long-pages.ts";
import { MIXED_ADDED_BYTES, MIXED_STEPS } from "../../../protocol/mixing/mixed-page.ts";
import { fingerprintOf } from "../../../protocol/store/fingerprint.ts";
import { seeded } from "../../kit/random.ts";
import { decoding } from "../../kit/rebuilding.ts";
import { madePage } from "../../protocol/codec/made-pages.ts";
import { MASKING_FRAMEWORKS } from "../../protocol/codec/masking-frameworks.ts";

const BOUNDS = { steps: MIXED_STEPS, addedBytes: MIXED_ADDED_BYTES };
const resultOf = (page: Buffer) => fingerprintOf(page).slice(0, 16);

const deltaOf = (page: Buffer, codec: number = spliceCodec.id): AnswerForm => ({
  kind: "delta",
  codec,
  offers: 1,
  digest: { of: "result", digest: resultOf(page) },
});

const longDelta = async () => {
  const random = seeded();
  const base = madePage(random, 200);
  const page = Buffer.concat([madePage(random, 300), base.subarray(0, 9_000)]);
  const mixed = await spliceMixedInTurns([base], page, BOUNDS, () => "whole");
  const coded = await whole(mixed?.coded);
  if (coded === undefined) throw new Error("nothing was made");
  return { base, page, coded };
};

type Flow = ReturnType<typeof decoding>;

/** A turn after each of so many pieces, as they come over a slow line. */
const comes = async (flow: Flow, coded: Buffer, pieces = 9): Promise<void> => {
  const bytes = Math.ceil(coded.length / pieces);
  for (let at = 0; at < coded.length; at += bytes) {
    flow.data(coded.subarray(at, at + bytes));
    await turn();
  }
};

/** How many slices are still to be read once all is here. */
const turnsLeft = async (flow: Flow): Promise<number> => {
  let turns = 0;
  for (; !flow.out.over; turns++) await turn();
  return turns;
};

describe("a page that comes in pieces", () => {
  it("is there soon after the last of them", async () => {
    const { base, page, coded } = await longDelta();
    const [early, late] = [
      decoding(deltaOf(page), { offered: [base] }),
      decoding(deltaOf(page), { offered: [base] }),
    ];
    await comes(early, coded, 40);
    early.end();
    const turns = await turnsLeft(early);
    late.data(coded);
    late.end();
    expect(turns).toBeLessThan((await turnsLeft(late)) / 2);
    for (const { out, stream } of [early, late]) {
      expect(out.body.equals(page)).toBe(true);
      expect(stream.acknowledgements).toEqual([`proved ${page.length} all`]);
      expect(stream.takenBytes).toBe(coded.length);
    }
  });

  it("by itself, without bases, is the same", async () => {
    const page = madePage(seeded(), 300);
    const coded = await whole(await spliceMixedAlone(page));
    const flow = decoding({ kind: "whole", codec: spliceCodec.id, result: resultOf(page) });
    await comes(flow, coded as Buffer);
    flow.end();
    await flow.done;
    expect(flow.out.body.equals(page)).toBe(true);
  });

  it.each([3, 60])("with masked tokens is the same, of %i pieces", async (pieces) => {
    const random = seeded();
    const token = MASKING_FRAMEWORKS[0]?.session(random) as () => string;
    const base = Buffer.concat([madePage(random, 200), Buffer.from(`<input value="${token()}">`)]);
    const page = Buffer.concat([madePage(random, 300), Buffer.from(`<input value="${token()}">`)]);
    const folded = foldOn(base, page);
    if (folded === undefined) throw new Error("it has no token");
    const mixed = await spliceMixedInTurns([folded.base], folded.page, BOUNDS, () => "whole");
    const coded = withMasks(folded, (await whole(mixed?.coded)) as Buffer);
    const flow = decoding(deltaOf(page, foldedCodec(spliceCodec).id), { offered: [base] });
    await comes(flow, coded, pieces);
    expect(LONG_PAGES.isBusy).toBe(false);
    flow.end();
    await flow.done;
    expect(flow.out.body.equals(page)).toBe(true);
  });

  it("is asked for as it is where a byte is damaged, it ends early, or more of it comes", async () => {
    const { base, page, coded } = await longDelta();
    const damaged = Buffer.from(coded);
    damaged[coded.length >> 1] = (damaged[coded.length >> 1] as number) ^ 8;
    for (const bad of [damaged, coded.subarray(0, -40), Buffer.concat([coded, Buffer.alloc(99, 7)])]) {
      const flow = decoding(deltaOf(page), { offered: [base] });
      await comes(flow, bad);
      expect(flow.stream.acknowledgements).toEqual([]);
      flow.end();
      while (flow.stream.acknowledgements.length === 0) await turn();
      expect(flow.stream.acknowledgements).toEqual(["askWhole 0"]);
      expect([flow.out.bytes, flow.out.mismatched.length]).toEqual([0, 1]);
      flow.exchange.cancel("cancelled");
      await flow.done;
    }
  });

  it("whose bases are not there is asked for as it is", async () => {
    const { page, coded } = await longDelta();
    const flow = decoding(deltaOf(page), { offered: [] });
    await comes(flow, coded);
    flow.end();
    while (flow.stream.acknowledgements.length === 0) await turn();
    expect(flow.stream.acknowledgements).toEqual(["askWhole 0"]);
    flow.exchange.cancel("cancelled");
    await flow.done;
  });

  it("that there is no memory for is asked for as it is, and others are read early meanwhile", async () => {
    const { base, page, coded } = await longDelta();
    const flow = decoding(deltaOf(page), { offered: [base], shareBytes: coded.length / 2 });
    await comes(flow, coded);
    const next = decoding(deltaOf(page), { offered: [base] });
    await comes(next, coded, 40);
    for (const one of [flow, next]) one.end();
    const turns = await turnsLeft(next);
    expect([turns < 5, next.out.body.equals(page)]).toEqual([true, true]);
    expect(flow.stream.acknowledgements).toEqual(["askWhole 0"]);
    expect([flow.lease.bytes, flow.stream.takenBytes]).toEqual([0, coded.length]);
    flow.exchange.cancel("cancelled");
    await flow.done;
  });

  it("whose visitor leaves, or whose link breaks, is not read on, and the next one is", async () => {
    const { base, page, coded } = await longDelta();
    for (const leaves of [
      (flow: Flow) => flow.exchange.cancel("cancelled"),
      (flow: Flow) => flow.stream.leaves("link-lost"),
    ]) {
      const flow = decoding(deltaOf(page), { offered: [base] });
      await comes(flow, coded.subarray(0, -1));
      // It has read what there is, and waits for more.
      for (let turns = 0; turns < 30; turns++) await turn();
      leaves(flow);
      await flow.done;
      expect(flow.out).toMatchObject({ pieces: [], mismatched: [], remembered: [] });
      expect(flow.out.failed).toBeDefined();
      await turn();
      const next = decoding(deltaOf(page), { offered: [base] });
      await comes(next, coded, 40);
      next.end();
      expect(await turnsLeft(next)).toBeLessThan(5);
      expect(next.out.body.equals(page)).toBe(true);
    }
    expect(LONG_PAGES.isBusy).toBe(false);
  });

  it("two at once are both right, whichever ends first, and so is one that is here as a whole", async () => {
    const { base, page, coded } = await longDelta();
    for (const order of [
      [0, 1],
      [1, 0],
    ]) {
      const flows = [0, 1].map(() => decoding(deltaOf(page), { offered: [base] }));
      await Promise.all(flows.map((flow) => comes(flow, coded)));
      const here = decoding(deltaOf(page), { offered: [base] }, { body: coded, ended: true });
      await here.done;
      for (const at of order) {
        flows[at]?.end();
        await flows[at]?.done;
      }
      for (const { out } of [...flows, here]) expect(out.body.equals(page)).toBe(true);
    }
  });
});
