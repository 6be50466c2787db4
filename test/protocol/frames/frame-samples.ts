/** One frame of each kind, with every field filled; for tests that go through all of them. */
import type { Frame, StreamId } from "../../../protocol/frames/frame.ts";
import { encodeFrame } from "../../../protocol/frames/frame-codec.ts";
import { FrameHeaderDecoder, FrameHeaderEncoder } from "../../../protocol/frames/frame-headers.ts";

export const TABLE_BYTES = 4096;
const HEAD_BYTES = 16 * 1024;

const id = (number: number) => number as StreamId;
const EIGHT = "\x01\x02\x03\x04\x05\x06\x07\xff";
const SIXTEEN = `${EIGHT}${EIGHT}`;
const HEAD = [":status", "200", "Content-Type", "text/html", "Set-Cookie", "a=1"];
const EXTENSIONS = [{ tag: 4, bytes: Buffer.of(1, 2) }];
const BODY = Buffer.from("body");
const answer = { kind: "answer", streamId: id(9), ended: true, head: HEAD, extensions: EXTENSIONS } as const;
const ANSWER = { ...answer, blockBytes: 0, body: BODY } as const;

export const SAMPLES: readonly Frame[] = [
  {
    kind: "hello",
    version: 1,
    oldest: 1,
    role: "origin",
    instanceId: SIXTEEN,
    storeId: SIXTEEN,
    nonce: SIXTEEN,
    headBytes: 65_536,
    tableBytes: 65_536,
    streamBytes: 262_144,
    streams: 256,
    pageBytes: 8_388_608,
    codecs: [1, 2],
    features: ["push", "more"],
  },
  { kind: "proveKey", keyId: "shop", digest: Buffer.alloc(32, 7) },
  { kind: "ping", token: 300 },
  { kind: "pong", token: 300, received: 70_000 },
  { kind: "goAway", lastStreamId: 41, code: "shutting-down", message: "SIGTERM", extensions: EXTENSIONS },
  { kind: "window", streamId: id(7), bytes: 131_072, received: 150_000 },
  { kind: "forget", host: "www.example.com", url: "/a?b=1" },
  {
    kind: "version",
    host: "www.example.com",
    name: "html /*",
    noStore: true,
    result: SIXTEEN,
    size: 300,
    codec: 1,
    bases: [EIGHT, EIGHT],
    coded: BODY,
  },
  {
    kind: "open",
    streamId: id(9),
    ended: true,
    session: true,
    addressed: true,
    timings: true,
    urgency: 5,
    incremental: true,
    head: [":method", "GET", ":target", "/", "Cookie", "a=1; session=0123456789abcdef"],
    offers: [EIGHT, EIGHT],
    extensions: [{ tag: 2, bytes: Buffer.from("r-1") }],
    body: BODY,
  },
  { kind: "offers", streamId: id(9), offers: [EIGHT], extensions: [{ tag: 16, bytes: Buffer.of(1) }] },
  { ...ANSWER, ended: false, body: Buffer.alloc(0), form: { kind: "interim" } },
  { ...ANSWER, form: { kind: "passed" } },
  { ...ANSWER, form: { kind: "same", offer: 3, result: SIXTEEN } },
  { ...ANSWER, form: { kind: "delta", codec: 1, offers: 5, digest: { of: "result", digest: SIXTEEN } } },
  { ...ANSWER, form: { kind: "delta", codec: 1, offers: 5, digest: { of: "bases", digest: SIXTEEN } } },
  { ...ANSWER, form: { kind: "whole", codec: 2, result: SIXTEEN } },
  { ...ANSWER, form: { kind: "whole", codec: 2, result: undefined } },
  { kind: "data", streamId: id(5), bytes: BODY },
  { kind: "trailers", streamId: id(5), head: ["Checksum", "abc"] },
  { kind: "end", streamId: id(300), how: "closed", extensions: EXTENSIONS },
  { kind: "reset", streamId: id(5), code: "truncated", extensions: EXTENSIONS },
  { kind: "stopSending", streamId: id(5), code: "cancelled" },
  { kind: "segment", streamId: id(5), digest: EIGHT },
  { kind: "resume", streamId: id(5), offset: 262_144, codec: 1 },
  { kind: "resume", streamId: id(6), offset: 0, codec: 1, tag: 'W/"1-a"' },
  { kind: "verified", streamId: id(5), offset: 262_144 },
  { kind: "askWhole", streamId: id(5), offset: 262_144 },
];

export const titled = SAMPLES.map((frame) => {
  const form = frame.kind === "answer" ? ` ${frame.form.kind}` : "";
  return [`${frame.kind}${form}`, frame, encodeFrame(frame, new FrameHeaderEncoder(TABLE_BYTES))] as const;
});

export const freshDecoder = () =>
  new FrameHeaderDecoder({ tableBytes: TABLE_BYTES, headBytes: HEAD_BYTES }, undefined, undefined, true);
