// A body that is compressed as it comes: no faster than it is taken, and never ended as if it were whole when it is not.
import { afterEach, beforeEach, expect, it } from "vitest";
import {
  CodedUpload,
  MOST_WAITING_BYTES,
  PAUSE_MS,
  type UploadTarget,
} from "../../../edge-side/request/compressed-upload.ts";
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
  cancelled = false;
  takes = true;
  roomForBody: () => void = () => {};

  sendBody(bytes: Uint8Array): boolean {
    expect(this.ended, "body after its end").toBeUndefined();
    this.coded.push(Buffer.from(bytes));
    return this.takes;
  }
  segment(): void {
    this.segments++;
  }
  endBody(how: "complete" | "closed", trailers: HeaderList): void {
    expect(this.ended, "a second end").toBeUndefined();
    this.ended = how;
    this.trailers = trailers;
  }
  cancel(): void {
    this.cancelled = true;
  }
}

const PIECE_BYTES = 16 * 1024;

let clock: FakeClock;
let target: Target;
let rooms: number;
let upload: CodedUpload;
let encoder: ReturnType<typeof requestEncoder>;

beforeEach(() => {
  clock = new FakeClock();
  target = new Target();
  rooms = 0;
  encoder = requestEncoder();
  const room = () => {
    rooms++;
  };
  upload = new CodedUpload(target, { encoder, release() {} }, { clock, room });
});
afterEach(() => {
  upload.stop();
  expect(clock.timers).toBe(0);
});

it("arrives whole, with its trailers", async () => {
  const pieces = Array.from({ length: 40 }, (_, i) => Buffer.from(`piece ${i} of the body, `.repeat(200)));
  for (const piece of pieces) upload.push(piece);
  upload.end("complete", ["Checksum", "abc"]);
  await until(() => target.ended !== undefined);
  expect([target.ended, target.trailers]).toEqual(["complete", ["Checksum", "abc"]]);
  expect((await decodedRequest(Buffer.concat(target.coded))).equals(Buffer.concat(pieces))).toBe(true);
});

it("is flushed when the visitor pauses, and not before", async () => {
  upload.push(Buffer.from("some of it"));
  await stillness(() => target.coded.length);
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
  for (let turned = -1; turned < rooms; ) {
    turned = rooms;
    do pushed += PIECE_BYTES;
    while (upload.push(random.bytes(PIECE_BYTES)));
    await until(() => rooms > turned || target.coded.length > 0, "room, or the first coded bytes");
    await stillness(() => rooms + target.coded.length);
  }
  // What waits, and what the compressor holds before anything comes out of it.
  expect(pushed).toBeLessThanOrEqual(MOST_WAITING_BYTES + 3 * 128 * 1024);
  expect(target.coded).toHaveLength(1);
  const before = rooms;
  target.takes = true;
  target.roomForBody();
  await until(() => rooms > before, "room");
});

it.each([
  ["while the link takes nothing", false],
  ["while it is compressed", true],
])("that is given up %s ends as that, at once and once", async (_, takes) => {
  target.takes = takes;
  upload.push(seeded().bytes(200_000));
  if (!takes) await until(() => target.coded.length > 0);
  upload.end("closed", []);
  expect(target.ended).toBe("closed");
  upload.push(Buffer.from("late"));
  upload.end("complete", []);
  upload.stop();
  await stillness(() => target.coded.length);
  expect([target.ended, target.cancelled]).toEqual(["closed", false]);
});

it("that is stopped sends nothing more, not even an end", async () => {
  upload.push(Buffer.from("some"));
  upload.stop();
  await stillness(() => target.coded.length);
  expect([target.ended, target.segments, target.cancelled]).toEqual([undefined, 0, false]);
});

it("whose compressor fails is cancelled, and not ended", async () => {
  encoder.destroy();
  upload.push(Buffer.from("some"));
  upload.end("complete", []);
  await until(() => target.cancelled);
  expect(target.ended).toBeUndefined();
});
