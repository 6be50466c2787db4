// A body that is compressed as it comes: no faster than it is taken, and never ended as if it were whole when it is not.
import { afterEach, beforeEach, expect, it } from "vitest";
import { MOST_AHEAD_BYTES, UploadBody } from "../../../edge-side/exchange/upload-body.ts";
import { PAUSE_MS, sendCoded, type UploadTarget } from "../../../edge-side/request/compressed-upload.ts";
import { requestEncoder } from "../../../protocol/codec/zstd-stream.ts";
import type { HeaderList } from "../../../protocol/http/header-list.ts";
import { decodedRequest } from "../../kit/coded-request.ts";
import { FakeClock } from "../../kit/fake-clock.ts";
import { seeded } from "../../kit/random.ts";
import { stillness, until } from "../../kit/until.ts";

class Target implements UploadTarget {
  readonly coded: Buffer[] = [];
  segments = 0;
  ended: string | undefined;
  trailers: HeaderList = [];
  takes = true;
  #room: () => void = () => {};

  async data(coded: Buffer): Promise<void> {
    expect(this.ended, "body after its end").toBeUndefined();
    this.coded.push(Buffer.from(coded));
    if (this.takes) return;
    await new Promise<void>((resolve) => {
      this.#room = resolve;
    });
  }
  segment(): void {
    this.segments++;
  }
  complete(trailers: HeaderList): void {
    expect(this.ended, "a second end").toBeUndefined();
    this.ended = "complete";
    this.trailers = trailers;
  }
  failed(): void {
    expect(this.ended, "a second end").toBeUndefined();
    this.ended = "failed";
  }
  makeRoom(): void {
    this.#room();
  }
}

const PIECE_BYTES = 16 * 1024;

let clock: FakeClock;
let target: Target;
/** Times that the connection was told to rest, and to go on. */
let rests: number;
let reads: number;
let body: UploadBody;
let encoder: ReturnType<typeof requestEncoder>;
let sent: Promise<void>;

beforeEach(() => {
  clock = new FakeClock();
  target = new Target();
  rests = 0;
  reads = 0;
  encoder = requestEncoder();
  body = new UploadBody({
    readBody: () => reads++,
    restBody: () => rests++,
    dropBody() {},
    bodyLost() {},
  });
  sent = sendCoded(target, { first: [], body, encoder, clock });
});
afterEach(async () => {
  body.lost();
  encoder.destroy();
  target.makeRoom();
  await sent;
  expect(clock.timers).toBe(0);
});

it("arrives whole, with its trailers", async () => {
  const pieces = Array.from({ length: 40 }, (_, i) => Buffer.from(`piece ${i} of the body, `.repeat(200)));
  for (const piece of pieces) body.push(piece);
  body.end(["Checksum", "abc"]);
  await sent;
  expect([target.ended, target.trailers]).toEqual(["complete", ["Checksum", "abc"]]);
  expect((await decodedRequest(Buffer.concat(target.coded))).equals(Buffer.concat(pieces))).toBe(true);
});

it("begins with what came before", async () => {
  const [later, other] = [new Target(), requestEncoder()];
  const first = [Buffer.from("what came "), Buffer.from("before, ")];
  const rest = new UploadBody({ readBody() {}, restBody() {}, dropBody() {}, bodyLost() {} });
  rest.push(Buffer.from("and after"));
  rest.end([]);
  await sendCoded(later, { first, body: rest, encoder: other, clock });
  expect((await decodedRequest(Buffer.concat(later.coded))).toString()).toBe("what came before, and after");
});

it("is flushed when the visitor pauses, and not before", async () => {
  body.push(Buffer.from("some of it"));
  await until(() => clock.timers > 0, "the wait for a pause");
  expect(target.segments).toBe(0);
  await clock.advance(PAUSE_MS);
  await until(() => target.segments === 1);
  await clock.advance(100);
  expect(target.segments).toBe(1);
});

it("takes no more than it may hold, and asks for more when that has left", async () => {
  target.takes = false;
  const random = seeded();
  let pushed = 0;
  for (let turned = -1; turned < reads; ) {
    turned = reads;
    const rested = rests;
    while (rests === rested) {
      body.push(random.bytes(PIECE_BYTES));
      pushed += PIECE_BYTES;
    }
    await until(() => reads > turned || target.coded.length > 0, "room, or the first coded bytes");
    await stillness(() => reads + target.coded.length);
  }
  // What waits, and what the compressor holds before anything comes out of it.
  expect(pushed).toBeLessThanOrEqual(MOST_AHEAD_BYTES + 3 * 128 * 1024);
  expect(target.coded).toHaveLength(1);
  const before = reads;
  target.takes = true;
  target.makeRoom();
  await until(() => reads > before, "room");
});

it.each([
  ["while the link takes nothing", false],
  ["while it is compressed", true],
])(
  "whose encoder is destroyed %s is not ended as if it were whole, and takes nothing more",
  async (_, takes) => {
    target.takes = takes;
    body.push(seeded().bytes(200_000));
    if (!takes) await until(() => target.coded.length > 0);
    const before = target.coded.length;
    body.drop();
    encoder.destroy();
    target.makeRoom();
    body.push(Buffer.from("late"));
    body.end([]);
    await sent;
    expect(target.ended).not.toBe("complete");
    expect([target.coded.length, body.take()]).toEqual([before, undefined]);
  },
);

it("that is lost while it waits for the visitor sends nothing more, not even an end", async () => {
  body.push(Buffer.from("some"));
  await until(() => clock.timers > 0, "the wait for a pause");
  await clock.advance(PAUSE_MS);
  await until(() => target.segments === 1);
  body.lost();
  await sent;
  expect([target.ended, target.segments]).toEqual([undefined, 1]);
});

it("whose compressor fails is cancelled, and not ended", async () => {
  encoder.destroy();
  body.push(Buffer.from("some"));
  body.end([]);
  await sent;
  expect(target.ended).toBe("failed");
});
