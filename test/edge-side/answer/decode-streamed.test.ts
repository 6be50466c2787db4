import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { MOST_HELD_BYTES, VERIFIED_EVERY_BYTES } from "../../../edge-side/answer/decode-streamed.ts";
import type { StreamEncoder } from "../../../protocol/codec/codec.ts";
import { STREAMING_CODEC } from "../../../protocol/codec/codecs.ts";
import type { AnswerForm } from "../../../protocol/frames/frame.ts";
import { fingerprintOf } from "../../../protocol/store/fingerprint.ts";
import { seeded } from "../../kit/random.ts";
import { decoding, type RebuildOptions } from "../../kit/rebuilding.ts";
import { stillness, until } from "../../kit/until.ts";
import { laterPage, madePage } from "../../protocol/codec/made-pages.ts";

const WHOLE: AnswerForm = { kind: "whole", codec: 1, result: undefined };

const digestOf = (bases: readonly Buffer[]): string => {
  const hash = createHash("sha256");
  for (const base of bases) hash.update(fingerprintOf(base), "latin1");
  return hash.digest().toString("latin1", 0, 16);
};

const deltaOn = (bases: readonly Buffer[], offers = (1 << bases.length) - 1): AnswerForm => ({
  kind: "delta",
  codec: 1,
  offers,
  digest: { of: "bases", digest: digestOf(bases) },
});

/** An origin side's end of a body that streams. */
class Speaker {
  readonly flow: ReturnType<typeof decoding>;
  #encoder: StreamEncoder;
  #hash = createHash("sha256");

  constructor(
    form: AnswerForm,
    options: RebuildOptions = {},
    bases: readonly Buffer[] = options.offered ?? [],
  ) {
    this.flow = decoding(form, options);
    this.#encoder = STREAMING_CODEC.streaming.encoder(form.kind === "delta" ? bases : []);
  }

  /** One segment: `plain` coded, with its proof, or with another one. */
  async segment(plain: Buffer, digest?: string): Promise<void> {
    this.#hash.update(plain);
    await this.unmarked(plain);
    this.flow.segment(digest ?? this.#hash.copy().digest().toString("latin1", 0, 8));
  }

  async unmarked(plain: Buffer): Promise<void> {
    for (const coded of [await this.#encoder.write(plain), await this.#encoder.flush()])
      if (coded.length > 0) this.flow.data(coded);
  }

  /** Plain bytes from here on, after `verified`. */
  resume(verified: Buffer): void {
    this.#hash = createHash("sha256").update(verified);
    this.#encoder.destroy();
    this.#encoder = STREAMING_CODEC.streaming.encoder([]);
    this.flow.resume(verified.length);
  }

  async end(): Promise<void> {
    const coded = await this.#encoder.end();
    if (coded.length > 0) this.flow.data(coded);
    this.flow.end();
  }

  asked(): Promise<void> {
    return until(
      () => this.flow.stream.acknowledgements.some((said) => said.startsWith("ask")) || this.flow.out.over,
    );
  }

  still(): Promise<number> {
    return stillness(() => this.flow.out.pieces.length + this.flow.stream.takenBytes);
  }
}

describe("a body that streams", () => {
  it("goes out segment by segment, when each is proved and not before", async () => {
    const speaker = new Speaker(WHOLE);
    const { flow } = speaker;
    await speaker.unmarked(Buffer.from("held"));
    await speaker.still();
    expect(flow.out.pieces).toEqual([]);
    flow.segment(createHash("sha256").update("held").digest().toString("latin1", 0, 8));
    await until(() => flow.out.pieces.length > 0);
    expect(flow.out.body.toString()).toBe("held");
    flow.stream.leaves("cancelled");
    await flow.done;
  });

  it("whole is remembered at its end, without word to the origin side", async () => {
    const page = madePage(seeded(), 40);
    const speaker = new Speaker(WHOLE);
    await speaker.segment(page.subarray(0, 1_000));
    await speaker.segment(page.subarray(1_000));
    await speaker.end();
    await speaker.flow.done;
    const { out, stream } = speaker.flow;
    expect([out.end, out.body.equals(page), out.remembered[0]?.equals(page)]).toEqual([
      "complete",
      true,
      true,
    ]);
    expect(stream.acknowledgements).toEqual([]);
  });

  it("as a delta is reported proved now and then, and at its end", async () => {
    const random = seeded();
    const base = madePage(random, 4_000);
    const page = laterPage(random, base);
    expect(page.length).toBeGreaterThan(2 * VERIFIED_EVERY_BYTES);
    const speaker = new Speaker(deltaOn([base]), { offered: [base] });
    const size = 100_000;
    for (let at = 0; at < page.length; at += size) await speaker.segment(page.subarray(at, at + size));
    await speaker.end();
    await speaker.flow.done;
    const { out, stream } = speaker.flow;
    expect([out.end, out.body.equals(page)]).toEqual(["complete", true]);
    const often = Math.ceil(VERIFIED_EVERY_BYTES / size) * size;
    const reports = Array.from(
      { length: Math.floor(page.length / often) },
      (_, i) => `proved ${(i + 1) * often}`,
    );
    expect(stream.acknowledgements).toEqual([...reports, `proved ${page.length} all`]);
  });

  it("gives its credit back as it is decoded", async () => {
    const speaker = new Speaker(WHOLE);
    await speaker.unmarked(seeded().bytes(50_000));
    await until(() => speaker.flow.stream.takenBytes > 50_000, "credit");
    speaker.flow.stream.leaves("cancelled");
    await speaker.flow.done;
  });

  it("that is larger than a page may be is not remembered, and holds no memory for that", async () => {
    const speaker = new Speaker(WHOLE, { pageBytes: 2_500 });
    for (let i = 0; i < 2; i++) await speaker.segment(Buffer.alloc(1_000, "x"));
    await until(() => speaker.flow.out.pieces.length === 2);
    expect(speaker.flow.memory.usedBytes).toBe(2_000);
    await speaker.segment(Buffer.alloc(1_000, "x"));
    await until(() => speaker.flow.out.pieces.length === 3);
    expect(speaker.flow.memory.usedBytes).toBe(0);
    await speaker.end();
    await speaker.flow.done;
    expect([speaker.flow.out.body.length, speaker.flow.out.remembered]).toEqual([3_000, []]);
  });
});

describe("a mismatch", () => {
  const random = () => {
    const source = seeded();
    const base = madePage(source, 40);
    return { base, page: laterPage(source, base) };
  };

  it("about the bases is said before anything is decoded", async () => {
    const { base, page } = random();
    const form: AnswerForm = {
      kind: "delta",
      codec: 1,
      offers: 1,
      digest: { of: "bases", digest: "0123456789abcdef" },
    };
    const speaker = new Speaker(form, { offered: [base] });
    await speaker.asked();
    expect(speaker.flow.stream.acknowledgements).toEqual(["askWhole 0"]);
    await speaker.segment(page); // under way, of the old coding: dropped
    await speaker.still();
    expect(speaker.flow.out.pieces).toEqual([]);
    speaker.resume(Buffer.alloc(0));
    await speaker.segment(page);
    await speaker.end();
    await speaker.flow.done;
    expect([speaker.flow.out.end, speaker.flow.out.body.equals(page)]).toEqual(["complete", true]);
  });

  it("in the middle asks for what is after the last proved byte, and forgets the bases", async () => {
    const { base, page } = random();
    const speaker = new Speaker(deltaOn([base]), { offered: [base] });
    await speaker.segment(page.subarray(0, 1_000));
    await speaker.segment(page.subarray(1_000, 2_000), "wrong!!!");
    await speaker.asked();
    expect(speaker.flow.stream.acknowledgements).toEqual(["askWhole 1000"]);
    expect(speaker.flow.out.mismatched.flat().map(({ body }) => body.equals(base))).toEqual([true]);
    await speaker.segment(page.subarray(2_000, 3_000));
    speaker.resume(page.subarray(0, 1_000));
    await speaker.segment(page.subarray(1_000, 3_000));
    await speaker.segment(page.subarray(3_000));
    await speaker.end();
    await speaker.flow.done;
    const { out, stream } = speaker.flow;
    expect([out.end, out.body.equals(page), out.remembered[0]?.equals(page)]).toEqual([
      "complete",
      true,
      true,
    ]);
    expect(stream.acknowledgements).toEqual(["askWhole 1000", `proved ${page.length} all`]);
  });

  it("about damaged coding, too", async () => {
    const { base, page } = random();
    const speaker = new Speaker(deltaOn([base]), { offered: [base] });
    await speaker.segment(page.subarray(0, 1_000));
    speaker.flow.data(Buffer.from("this is no block of zstd"));
    await speaker.asked();
    expect(speaker.flow.stream.acknowledgements).toEqual(["askWhole 1000"]);
    speaker.flow.stream.leaves("cancelled");
    await speaker.flow.done;
  });

  it.each([
    [
      "bytes after the last proof",
      async (speaker: Speaker, page: Buffer) => {
        await speaker.unmarked(page.subarray(1_000));
        await speaker.end();
      },
    ],
    ["coding that is not complete", async (speaker: Speaker) => speaker.flow.end()],
  ])("at the end, about %s, asks for the rest", async (_, finish) => {
    const { base, page } = random();
    const speaker = new Speaker(deltaOn([base]), { offered: [base] });
    await speaker.segment(page.subarray(0, 1_000));
    await finish(speaker, page);
    await speaker.asked();
    expect(speaker.flow.stream.acknowledgements).toEqual(["askWhole 1000"]);
    speaker.resume(page.subarray(0, 1_000));
    await speaker.segment(page.subarray(1_000));
    await speaker.end();
    await speaker.flow.done;
    expect(speaker.flow.out.body.equals(page)).toBe(true);
  });

  it.each(["segment", "end"] as const)("about the plain bytes too ends it: wrong %s", async (where) => {
    const { base, page } = random();
    const speaker = new Speaker(deltaOn([base]), { offered: [base] });
    await speaker.segment(page.subarray(0, 1_000), "wrong!!!");
    await speaker.asked();
    speaker.resume(Buffer.alloc(0));
    if (where === "segment") await speaker.segment(page, "wrong!!!");
    else {
      await speaker.unmarked(page);
      await speaker.end();
    }
    await speaker.flow.done;
    expect([speaker.flow.out.failed, speaker.flow.out.pieces, speaker.flow.out.remembered]).toEqual([
      "mismatch",
      [],
      [],
    ]);
  });

  it("about a whole body ends it, after what was proved", async () => {
    const speaker = new Speaker(WHOLE);
    await speaker.segment(Buffer.from("right, "));
    await speaker.segment(Buffer.from("wrong"), "wrong!!!");
    await speaker.flow.done;
    expect([speaker.flow.out.failed, speaker.flow.out.body.toString()]).toEqual(["mismatch", "right, "]);
    expect(speaker.flow.stream.acknowledgements).toEqual([]);
  });

  it.each([
    ["nobody asked for", async () => {}, 0],
    ["from another offset", (speaker: Speaker) => speaker.segment(Buffer.from("x"), "wrong!!!"), 1],
  ])("a resume %s is not believed", async (_, before, offset) => {
    const { base } = random();
    const speaker = new Speaker(deltaOn([base]), { offered: [base] });
    await before(speaker);
    speaker.flow.resume(offset);
    await speaker.flow.done;
    expect(speaker.flow.out.failed).toBe("internal");
  });

  it("that is answered in a codec that does not stream ends it", async () => {
    const { base, page } = random();
    const speaker = new Speaker(deltaOn([base]), { offered: [base] });
    await speaker.segment(page, "wrong!!!");
    await speaker.asked();
    speaker.flow.resume(0, 2);
    await speaker.flow.done;
    expect(speaker.flow.out.failed).toBe("internal");
  });
});

describe("what is held for one proof", () => {
  it.each([
    [MOST_HELD_BYTES, true],
    [MOST_HELD_BYTES + 1, false],
  ])("is %i bytes: %s", async (bytes, allowed) => {
    const speaker = new Speaker(WHOLE, { pageBytes: 1 });
    await speaker.segment(Buffer.alloc(bytes, "so much "));
    await speaker.end();
    await speaker.flow.done;
    const { out } = speaker.flow;
    expect([out.failed, out.body.length]).toEqual(allowed ? [undefined, bytes] : ["mismatch", 0]);
  });

  it("is counted from the last proof, however long the body is", async () => {
    const speaker = new Speaker(WHOLE, { pageBytes: 1 });
    const most = Buffer.alloc(MOST_HELD_BYTES, "so much ");
    for (let i = 0; i < 3; i++) {
      await speaker.segment(most);
      await until(() => speaker.flow.out.bytes === (i + 1) * most.length);
    }
    await speaker.end();
    await speaker.flow.done;
    expect(speaker.flow.out.end).toBe("complete");
  });

  it("is bounded whatever a small answer unpacks to", async () => {
    const speaker = new Speaker(WHOLE, { pageBytes: 1 });
    const bomb = 256 * 1024 * 1024;
    const piece = Buffer.alloc(4 * 1024 * 1024);
    const encoder = STREAMING_CODEC.streaming.encoder([]);
    const coded: Buffer[] = [];
    for (let plain = 0; plain < bomb; plain += piece.length) coded.push(await encoder.write(piece));
    coded.push(await encoder.end());
    const small = Buffer.concat(coded);
    expect(small.length).toBeLessThan(64 * 1024);
    const before = process.memoryUsage().rss;
    speaker.flow.data(small);
    await speaker.flow.done;
    expect([speaker.flow.out.failed, speaker.flow.out.pieces]).toEqual(["mismatch", []]);
    expect(process.memoryUsage().rss - before).toBeLessThan(64 * 1024 * 1024);
  });
});
