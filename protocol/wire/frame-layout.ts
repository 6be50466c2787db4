/** What a layout is: encode and decode of one kind of frame, side by side, walking the fields in the same order. */
import type { ByteReader, ByteWriter } from "./bytes.ts";
import type { Frame } from "./frame.ts";
import type { HeaderDecoder, HeaderEncoder } from "./header-block.ts";

export interface FrameLayout<F extends Frame> {
  write(w: ByteWriter, frame: F, headers: HeaderEncoder | undefined): void;
  read(r: ByteReader, headers: HeaderDecoder | undefined): F;
}

export type FrameLayouts<F extends Frame> = {
  readonly [K in F["kind"]]: FrameLayout<Extract<F, { kind: K }>>;
};
