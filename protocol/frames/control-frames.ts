/** Layouts of the frames that concern the whole link. SPEC section "Control frames". */

import { LINK_ERRORS, LinkError, linkErrorOf } from "../errors.ts";
import { SHORT_FINGERPRINT_BYTES } from "../store/fingerprint.ts";
import type { ByteReader } from "../wire/bytes.ts";
import { readExtensions, writeExtensions } from "../wire/extensions.ts";
import { type ControlFrame, DIGEST_BYTES, MOST_OFFERS, type StreamId } from "./frame.ts";
import type { FrameLayouts } from "./frame-layout.ts";
import { readHello, writeHello } from "./hello.ts";

const KEY_PROOF_BYTES = 32;
/** Longer messages in go-away are cut: they are for a log line. @internal */
export const MOST_MESSAGE_BYTES = 200;

export const controlFrames: FrameLayouts<ControlFrame> = {
  hello: {
    write: (w, f) => writeHello(w, f),
    read: (r) => readHello(r),
  },
  proveKey: {
    write: (w, f) => void w.text(f.keyId).bytes(f.digest),
    read: (r) => ({ kind: "proveKey", keyId: r.text(), digest: r.bytes(KEY_PROOF_BYTES) }),
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
  window: {
    write: (w, f) => void w.varint(f.streamId).varint(f.bytes).varint(f.received),
    read: (r) => ({
      kind: "window",
      streamId: r.varint() as StreamId,
      bytes: r.varint(),
      received: r.varint(),
    }),
  },
  forget: {
    write: (w, f) => void w.text(f.host).text(f.url),
    read: (r) => ({ kind: "forget", host: r.text(), url: r.text() }),
  },
  version: {
    write(w, f, headers) {
      headers?.carried.pushed(f.result);
      w.text(f.host).text(f.name);
      w.u8(f.noStore ? NO_STORE : 0)
        .latin1(f.result)
        .varint(f.size)
        .u8(f.codec)
        .u8(f.bases.length);
      for (const base of f.bases) w.latin1(base);
      w.bytes(f.coded);
    },
    read(r, headers) {
      const version = {
        kind: "version",
        host: r.text(),
        name: r.text(),
        noStore: (r.u8() & NO_STORE) !== 0,
        result: r.latin1(DIGEST_BYTES),
        size: r.varint(),
        codec: r.u8(),
        bases: readBases(r),
        coded: r.rest(),
      } as const;
      headers?.carried.pushed(version.result);
      return version;
    },
  },
};

/** Flag of version. */
const NO_STORE = 0x01;

const readBases = (r: ByteReader): readonly string[] => {
  const count = r.u8();
  if (count > MOST_OFFERS) throw new LinkError("bad-frame", `${count} bases, more than ${MOST_OFFERS}`);
  return Array.from({ length: count }, () => r.latin1(SHORT_FINGERPRINT_BYTES));
};
