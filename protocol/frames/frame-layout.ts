/** What a layout is: encode and decode of one kind of frame, side by side, walking the fields in the same order. */

import type { ByteReader, ByteWriter } from "../wire/bytes.ts";
import type { Frame } from "./frame.ts";
import type { FrameHeaderDecoder, FrameHeaderEncoder } from "./frame-headers.ts";

export interface FrameLayout<F extends Frame> {
  write(w: ByteWriter, frame: F, headers: FrameHeaderEncoder | undefined): void;
  read(r: ByteReader, headers: FrameHeaderDecoder | undefined): F;
}

export type FrameLayouts<F extends Frame> = {
  readonly [K in F["kind"]]: FrameLayout<Extract<F, { kind: K }>>;
};
