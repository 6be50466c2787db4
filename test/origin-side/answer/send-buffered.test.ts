import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { awaitAcknowledgement, RETAIN_MS } from "../../../origin-side/answer/await-acknowledgement.ts";
import {
  BufferedAnswer,
  encodeBuffered,
  sendBuffered,
  sentBuffered,
} from "../../../origin-side/answer/send-buffered.ts";
import type { SentAnswer } from "../../../origin-side/exchange/access-record.ts";
import { STREAMING_CODEC } from "../../../protocol/codec/codecs.ts";
import { SEGMENT_BYTES } from "../../../protocol/codec/segment-writer.ts";
import { VCDIFF_PAGE_BYTES, vcdiffCodec } from "../../../protocol/codec/vcdiff.ts";
import { fingerprintOf } from "../../../protocol/store/fingerprint.ts";
import type { BodyEnd } from "../../../protocol/upstream/body.ts";
import { type AnsweringOptions, answeringOf, versionOf } from "../../kit/answering.ts";
import { readSegments } from "../../kit/coded-body.ts";
import { settle } from "../../kit/fake-clock.ts";
import { seeded } from "../../kit/random.ts";
import { until } from "../../kit/until.ts";
import { laterPage, madePage, madeVersions } from "../../protocol/codec/made-pages.ts";

const END: BodyEnd = { how: "complete", trailers: [] };

const sending = async (page: Buffer, options: AnsweringOptions = {}, end = END) => {
  const { stream, answering, memory, clock } = answeringOf(options);
  const lease = memory.lease("k");
  lease.grow(page.length);
  const { exchange } = answering;
  const encoded = await encodeBuffered(answering, page);
  await sendBuffered(encoded, answering, end);
  const [answer] = stream.sentOf("answer");
  if (answer === undefined) throw new Error("no answer was sent");
  const { form, head, body: coded, ended } = answer;
  const sent = sentBuffered(encoded, answering);
  const settled = () =>
    awaitAcknowledgement(exchange, new BufferedAnswer(exchange, encoded, end, lease), answering.options);
  return { stream, memory, clock, sent, settled, form, head, coded, ended };
};

const followed = (settled: Promise<void>): { outcome: string | undefined } => {
  const seen: { outcome: string | undefined } = { outcome: undefined };
  settled.then(
    () => {
      seen.outcome = "settled";
    },
    (error: { code: string }) => {
      seen.outcome = error.code;
    },
  );
  return seen;
};

const measured = ({ answer, bases }: SentAnswer) => ({ answer, bases });

describe("a page", () => {
  it("that was offered is the same: a head, an end and no body", async () => {
    const [old, page] = madeVersions(seeded(), { rows: 20, count: 2 }) as [Buffer, Buffer];
    const { stream, sent, form, head, coded, ended } = await sending(page, { bases: [old, page] });
    expect(form).toEqual({ kind: "same", offer: 1, result: fingerprintOf(page).slice(0, 16) });
    expect([stream.kinds, coded.length, ended, head]).toEqual([
      ["answer"],
      0,
      true,
      [":status", "200", "Content-Type", "text/html"],
    ]);
    expect(measured(sent)).toEqual({ answer: "same", bases: 1 });
  });

  it("is the same wherever it stands among the offers", async () => {
    const versions = madeVersions(seeded(), { rows: 20, count: 3 });
    for (const [offer, page] of versions.entries()) {
      const { form } = await sending(page, { bases: versions });
      expect(form, `offer ${offer}`).toEqual({
        kind: "same",
        offer,
        result: fingerprintOf(page).slice(0, 16),
      });
    }
  });

  it("as long as the best offer that differs in a byte is another page", async () => {
    const page = madePage(seeded(), 20);
    const base = Buffer.from(page);
    base[page.length - 1] = (base[page.length - 1] as number) ^ 1;
    const { form } = await sending(page, { bases: [base] });
    expect(form).toMatchObject({ kind: "delta", digest: { digest: fingerprintOf(page).slice(0, 16) } });
  });

  it("that is empty is not the version whose body was damaged, and is empty now", async () => {
    const damaged = { ...versionOf(madePage(seeded(), 20)), body: Buffer.alloc(0) };
    const { answering } = answeringOf();
    const offered = [{ offer: 0, version: damaged }];
    const { fingerprint, form } = await encodeBuffered({ ...answering, offered }, Buffer.alloc(0));
    expect(fingerprint).toBe(fingerprintOf(Buffer.alloc(0)));
    expect(form.kind).not.toBe("same");
  });

  it("close to offered ones is a small delta on all of them", async () => {
    const [first, second, page] = madeVersions(seeded(), { rows: 100, count: 3 }) as [Buffer, Buffer, Buffer];
    const { stream, sent, form, coded, ended } = await sending(page, { bases: [first, second] });
    expect(form).toMatchObject({
      kind: "delta",
      offers: 0b11,
      digest: { of: "result", digest: fingerprintOf(page).slice(0, 16) },
    });
    expect([stream.kinds, ended]).toEqual([["answer"], true]);
    expect(coded.length).toBeLessThan(page.length / 20);
    expect(measured(sent)).toEqual({ answer: "delta", bases: 2 });
    const decoded = await STREAMING_CODEC.decode([first, second], coded, { pageBytes: page.length });
    expect(decoded.equals(page)).toBe(true);
  });

  it("of which nothing was offered is whole", async () => {
    const page = madePage(seeded(), 50);
    const { form, coded, sent } = await sending(page);
    expect(form).toEqual({ kind: "whole", codec: 1, result: fingerprintOf(page).slice(0, 16) });
    expect(coded.length).toBeLessThan(page.length);
    expect(sent.reason).toBeUndefined();
  });

  it("that is empty is a page too", async () => {
    const page = Buffer.alloc(0);
    const { form, coded } = await sending(page);
    expect(form).toMatchObject({ kind: "whole" });
    expect((await STREAMING_CODEC.decode([], coded, { pageBytes: 0 })).length).toBe(0);
  });

  it("keeps how its body ended, and its trailers", async () => {
    const { stream } = await sending(madePage(seeded(), 5), {}, { how: "closed", trailers: ["X-Sum", "1"] });
    expect(stream.sent.slice(-2)).toMatchObject([
      { kind: "trailers", head: ["X-Sum", "1"] },
      { kind: "end", how: "closed" },
    ]);
  });

  it("whose only base the codec refuses is whole", async () => {
    const magic = Buffer.concat([Buffer.from("37a430ec", "hex"), Buffer.alloc(100)]);
    const { sent } = await sending(madePage(seeded(), 5), { bases: [magic] });
    expect(sent).toMatchObject({ answer: "whole", reason: "too-large" });
  });

  it("that is no text, where only whole values of what was offered may be copied, is whole", async () => {
    const page = Buffer.alloc(300, 0xff);
    const { sent } = await sending(page, { bases: [page.subarray(1)], addressed: true, splice: true });
    expect(sent).toMatchObject({ answer: "whole", reason: "no-gain" });
  });

  it.each([
    [VCDIFF_PAGE_BYTES, vcdiffCodec.id],
    [VCDIFF_PAGE_BYTES + 1, STREAMING_CODEC.id],
  ])("of %i bytes, where vcdiff was agreed on, travels by codec %i", async (bytes, codec) => {
    const page = Buffer.alloc(bytes, "so it goes on and on; ");
    expect((await sending(page, { codec: vcdiffCodec })).form).toMatchObject({ kind: "whole", codec });
  });
});

describe("a delta", () => {
  const delta = async (rows = 50) => {
    const random = seeded();
    const base = madePage(random, rows);
    const page = laterPage(random, base);
    const flow = await sending(page, { bases: [base] });
    const seen = followed(flow.settled());
    await settle();
    return { ...flow, page, base, seen };
  };

  it("is over when the edge has proved it", async () => {
    const { stream, page, seen } = await delta();
    expect(seen.outcome).toBeUndefined();
    await stream.verifies(page.length);
    expect([seen.outcome, stream.digests]).toEqual(["settled", 1]);
  });

  it.each([true, false])(
    "that does not match tells the tag if its head left it out: %s",
    async (omittedEtags) => {
      const [base, page] = madeVersions(seeded(), { rows: 50, count: 2 }) as [Buffer, Buffer];
      const tag = `"${createHash("md5").update(page).digest("hex")}"`;
      const fields = ["ETag", tag];
      const { stream, head, settled } = await sending(page, { bases: [base], omittedEtags, fields });
      expect(head).toEqual([
        ":status",
        "200",
        "Content-Type",
        "text/html",
        "ETag",
        omittedEtags ? "\x12" : tag,
      ]);
      void settled();
      await stream.asksWhole(0);
      await until(() => stream.kinds.includes("resume"));
      expect(stream.sentOf("resume")).toEqual([
        { kind: "resume", offset: 0, codec: STREAMING_CODEC.id, ...(omittedEtags && { tag }) },
      ]);
      await stream.verifies(page.length);
    },
  );

  it("that does not match is followed by the whole page, verified in segments", async () => {
    const { stream, page, seen } = await delta();
    stream.sent.length = 0;
    await stream.asksWhole(0);
    await until(() => stream.kinds.includes("end"));
    expect(stream.kinds[0]).toBe("resume");
    const read = await readSegments(stream.sent, []);
    expect([read.body.equals(page), read.unverified, read.ended]).toEqual([true, 0, "complete"]);
    await stream.verifies(page.length);
    expect(seen.outcome).toBe("settled");
  });

  it("of megabytes that does not match is verified in segments that an edge can hold", async () => {
    const { stream, page } = await delta(40_000);
    expect(page.length).toBeGreaterThan(5 * 1024 * 1024);
    stream.sent.length = 0;
    await stream.asksWhole(0);
    await until(() => stream.kinds.includes("end"));
    const read = await readSegments(stream.sent, []);
    expect(read.body.equals(page)).toBe(true);
    expect(Math.max(...read.segments)).toBe(SEGMENT_BYTES);
  });

  it("that the edge never verifies lets go of its memory, and can be asked for no more", async () => {
    const { stream, memory, clock, page, seen } = await delta();
    expect(memory.usedBytes).toBe(page.length);
    await clock.advance(RETAIN_MS);
    expect(memory.usedBytes).toBe(0);
    await stream.asksWhole(0);
    expect(seen.outcome).toBe("mismatch");
  });
});
