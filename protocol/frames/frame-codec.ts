/**
 * Frames to bytes and back. A message carries whole frames, each as length, kind, fields. Both directions are pure but for
 * the header tables, which every head moves on. SPEC section "Frames".
 */

import { LinkError } from "../errors.ts";
import { type ByteReader, ByteWriter } from "../wire/bytes.ts";
import { controlFrames } from "./control-frames.ts";
import { FIRST_SKIPPABLE_KIND, FRAME, type Frame } from "./frame.ts";
import type { FrameHeaderDecoder, FrameHeaderEncoder } from "./frame-headers.ts";
import type { FrameLayout } from "./frame-layout.ts";
import { streamFrames } from "./stream-frames.ts";

// Each layout takes its own member of the union; looked up by the kind of the frame, so the right one always gets it.
const LAYOUTS = { ...controlFrames, ...streamFrames } as unknown as Record<string, FrameLayout<Frame>>;
const KINDS = new Map<number, string>(Object.entries(FRAME).map(([kind, number]) => [number, kind]));

/** Appends one frame, length first. `headers` is needed for open, answer and trailers. */
export const writeFrame = (w: ByteWriter, frame: Frame, headers?: FrameHeaderEncoder): void => {
  const at = w.beginSized();
  w.u8(FRAME[frame.kind]);
  LAYOUTS[frame.kind]?.write(w, frame, headers);
  w.endSized(at);
};

/** One frame as bytes of its own; for tests and for the hello. */
export const encodeFrame = (frame: Frame, headers?: FrameHeaderEncoder): Buffer => {
  const w = new ByteWriter();
  writeFrame(w, frame, headers);
  return w.take();
};

/** Reads the next frame of a message, its length first; see readFrameBody. */
export const readFrame = (message: ByteReader, headers?: FrameHeaderDecoder): Frame | undefined =>
  readFrameBody(message.sized(), headers);

/**
 * Reads a frame whose length was read already; undefined for a kind that may be skipped. Throws LinkError("bad-frame").
 * Bytes in the result are slices of the message.
 */
export const readFrameBody = (r: ByteReader, headers?: FrameHeaderDecoder): Frame | undefined => {
  const number = r.u8();
  const layout = LAYOUTS[KINDS.get(number) ?? ""];
  if (layout === undefined) {
    if (number >= FIRST_SKIPPABLE_KIND) return undefined;
    throw new LinkError("bad-frame", `unknown frame kind 0x${number.toString(16).padStart(2, "0")}`);
  }
  const frame = layout.read(r, headers);
  r.end();
  return frame;
};
