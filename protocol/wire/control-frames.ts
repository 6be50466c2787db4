/** Layouts of the frames that concern the whole link. SPEC section "Control frames". */
import { LINK_ERRORS, linkErrorOf } from "./errors.ts";
import { readExtensions, writeExtensions } from "./extensions.ts";
import type { ControlFrame, StreamId } from "./frame.ts";
import type { FrameLayouts } from "./frame-layout.ts";
import { readHello, writeHello } from "./hello.ts";

export const KEY_PROOF_BYTES = 32;
/** Longer messages in go-away are cut: they are for a log line. */
export const MOST_MESSAGE_BYTES = 200;

export const controlFrames: FrameLayouts<ControlFrame> = {
  hello: {
    write: (w, f) => writeHello(w, f),
    read: (r) => readHello(r),
  },
  proveKey: {
    write: (w, f) => void w.text(f.keyId).bytes(f.proof),
    read: (r) => ({ kind: "proveKey", keyId: r.text(), proof: r.bytes(KEY_PROOF_BYTES) }),
  },
  ping: {
    write: (w, f) => void w.varint(f.token),
    read: (r) => ({ kind: "ping", token: r.varint() }),
  },
  pong: {
    write: (w, f) => void w.varint(f.token).varint(f.received),
    read: (r) => ({ kind: "pong", token: r.varint(), received: r.varint() }),
  },
  goAway: {
    write(w, f) {
      w.varint(f.lastStreamId).varint(LINK_ERRORS[f.code].wire).text(f.message.slice(0, MOST_MESSAGE_BYTES));
      writeExtensions(w, f.extensions);
    },
    read: (r) => ({
      kind: "goAway",
      lastStreamId: r.varint(),
      code: linkErrorOf(r.varint()),
      message: r.text().slice(0, MOST_MESSAGE_BYTES),
      extensions: readExtensions(r),
    }),
  },
  credit: {
    write: (w, f) => void w.varint(f.streamId).varint(f.bytes).varint(f.received),
    read: (r) => ({
      kind: "credit",
      streamId: r.varint() as StreamId,
      bytes: r.varint(),
      received: r.varint(),
    }),
  },
  forget: {
    write: (w, f) => void w.text(f.host).text(f.url),
    read: (r) => ({ kind: "forget", host: r.text(), url: r.text() }),
  },
};
