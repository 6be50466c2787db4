import { createHash, type Hash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { IncomingExchange } from "../../../origin-side/exchange/incoming-exchange.ts";
import { STREAMING_CODEC } from "../../../protocol/codec/codecs.ts";
import { SEGMENT_BYTES, SegmentedBody } from "../../../protocol/codec/segment-writer.ts";
import { readSegments } from "../../kit/coded-body.ts";
import { FakeStream, openOf } from "../../kit/fake-stream.ts";
import { seeded } from "../../kit/random.ts";
import { stillness } from "../../kit/until.ts";

const opened = (hash?: Hash) => {
  const stream = new FakeStream();
  const exchange = new IncomingExchange(stream.asStream, openOf(), { headBytes: 1 << 15 });
  return { stream, body: new SegmentedBody(exchange, STREAMING_CODEC.streaming.encoder([]), hash) };
};

describe("a segmented body", () => {
  it("is proved wherever it is marked, and at its end", async () => {
    const { stream, body } = opened();
    await body.write(Buffer.from("first "));
    await body.mark();
    await body.write(Buffer.from("second "));
    await body.write(Buffer.from("third"));
    await body.finish();
    const read = await readSegments(stream.sent, []);
    expect(read).toMatchObject({ segments: [6, 12], unverified: 0 });
    expect(read.body.toString()).toBe("first second third");
  });

  it("marks nothing twice, and nothing where there is nothing", async () => {
    const { stream, body } = opened();
    await body.mark();
    await body.write(Buffer.from("once"));
    await body.mark();
    await body.mark();
    expect(stream.sentOf("segment")).toHaveLength(1);
    await body.finish();
    expect(stream.sentOf("segment")).toHaveLength(1);
  });

  it("has an end, and no segment, when it is empty", async () => {
    const { stream, body } = opened();
    await body.finish();
    const { body: plain, segments } = await readSegments(
      [...stream.sent, { kind: "end", how: "complete", extensions: [] }],
      [],
    );
    expect([plain.length, segments.length]).toEqual([0, 0]);
  });

  it.each([
    [SEGMENT_BYTES - 1, [SEGMENT_BYTES - 1]],
    [SEGMENT_BYTES, [SEGMENT_BYTES]],
    [SEGMENT_BYTES + 1, [SEGMENT_BYTES, 1]],
    [5 * SEGMENT_BYTES, Array(5).fill(SEGMENT_BYTES)],
  ])(
    "of one piece of %i bytes is proved in between, so that an edge holds little",
    async (bytes, segments) => {
      const { stream, body } = opened();
      await body.write(seeded().bytes(bytes));
      await body.finish();
      expect((await readSegments(stream.sent, [])).segments).toEqual(segments);
    },
  );

  it("goes on over bytes that it did not send", async () => {
    const before = Buffer.from("sent in another way; ");
    const { stream, body } = opened(createHash("sha256").update(before));
    await body.write(Buffer.from("and the rest"));
    await body.finish();
    expect((await readSegments(stream.sent, [], before)).body.toString()).toBe("and the rest");
  });

  it("starts over with another encoder, from bytes that may be many segments", async () => {
    const random = seeded();
    const [verified, unverified, later] = [
      random.bytes(100),
      random.bytes(3 * SEGMENT_BYTES),
      random.bytes(10),
    ];
    const { stream, body } = opened();
    await body.write(verified);
    await body.mark();
    await body.write(unverified);
    stream.sent.length = 0;
    const hash = createHash("sha256").update(verified);
    await body.startOver(STREAMING_CODEC.streaming.encoder([]), { hash, pieces: [unverified] });
    await body.write(later);
    await body.finish();
    const read = await readSegments(stream.sent, [], verified);
    expect(read.body.equals(Buffer.concat([unverified, later]))).toBe(true);
    expect(Math.max(...read.segments)).toBeLessThanOrEqual(SEGMENT_BYTES);
  });

  it("waits where the stream has no room", async () => {
    const { stream, body } = opened();
    stream.hasRoom = false;
    let written = false;
    const writing = body.write(seeded().bytes(SEGMENT_BYTES)).then(() => {
      written = true;
    });
    await stillness(() => stream.sent.length);
    expect(written).toBe(false);
    stream.makesRoom();
    await writing;
    body.destroy();
  });
});
