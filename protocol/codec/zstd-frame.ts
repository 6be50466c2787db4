/**
 * The outside of a zstd frame (RFC 8878, 3.1.1) as Coilgun sends it: without the magic number, and with a frame header
 * of two bytes: a descriptor that is always 0 (no content size, dictionary id or checksum) and the window. The walk
 * finds where the frame ends from the block headers alone. Node needs it on both sides: decoding, it ignores what
 * follows the first frame; encoding, it adds an empty second frame when the first one exactly fills its output buffer
 * (nodejs/node issue 66078 is a relative). SPEC section "Codecs".
 */
import { DeltaError } from "./codec.ts";

/** Every frame's first bytes; left off on the wire. */
export const ZSTD_MAGIC = Buffer.from([0x28, 0xb5, 0x2f, 0xfd]);

/** Neither content size, dictionary id nor checksum follows: the only descriptor Coilgun sends or takes. */
const PLAIN_DESCRIPTOR = 0;

const BLOCK_HEADER_BYTES = 3;
const BLOCK_MAX_BYTES = 128 * 1024;
const BLOCK = { raw: 0, runLength: 1, compressed: 2, reserved: 3 } as const;

type Awaiting = "descriptor" | "window" | "block-header" | "block-body" | "nothing";

/** Follows one frame without decoding it; pieces may be cut anywhere. */
export class FrameWalk {
  #awaiting: Awaiting = "descriptor";
  #header = 0;
  #headerBytes = 0;
  #bodyBytes = 0;
  #lastBlock = false;
  #mostPageBytes = 0;

  /** The last block is complete. */
  get ended(): boolean {
    return this.#awaiting === "nothing";
  }

  /** No page decoded from the blocks seen so far is larger. */
  get mostPageBytes(): number {
    return this.#mostPageBytes;
  }

  /** Returns how many bytes of the piece belong to the frame. Throws DeltaError when they are no such frame. */
  take(piece: Uint8Array): number {
    let at = 0;
    while (at < piece.length && !this.ended) {
      if (this.#awaiting === "block-body") {
        const taken = Math.min(this.#bodyBytes, piece.length - at);
        at += taken;
        this.#bodyBytes -= taken;
        if (this.#bodyBytes === 0) this.#blockEnded();
      } else {
        this.#takeByte(piece[at] ?? 0);
        at += 1;
      }
    }
    return at;
  }

  #takeByte(byte: number): void {
    switch (this.#awaiting) {
      case "descriptor":
        if (byte !== PLAIN_DESCRIPTOR) throw new DeltaError(`frame descriptor is ${byte}, only 0 is in use`);
        this.#awaiting = "window";
        return;
      case "window": // how large a window may be is for the decoder to say
        this.#awaiting = "block-header";
        return;
      default:
        this.#header |= byte << (8 * this.#headerBytes);
        this.#headerBytes += 1;
        if (this.#headerBytes === BLOCK_HEADER_BYTES) this.#blockBegins();
    }
  }

  #blockBegins(): void {
    const type = (this.#header >> 1) & 3;
    const bytes = this.#header >> 3;
    if (type === BLOCK.reserved || bytes > BLOCK_MAX_BYTES) throw new DeltaError("damaged block header");
    this.#lastBlock = (this.#header & 1) === 1;
    this.#header = 0;
    this.#headerBytes = 0;
    this.#bodyBytes = type === BLOCK.runLength ? 1 : bytes;
    this.#mostPageBytes += type === BLOCK.compressed ? BLOCK_MAX_BYTES : bytes;
    if (this.#bodyBytes === 0) this.#blockEnded();
    else this.#awaiting = "block-body";
  }

  #blockEnded(): void {
    this.#awaiting = this.#lastBlock ? "nothing" : "block-header";
  }
}

/** What zlib made, as it goes on the wire: one frame, without its magic number. */
export function withoutMagic(coded: Buffer): Buffer {
  const frame = coded.subarray(ZSTD_MAGIC.length);
  return frame.subarray(0, new FrameWalk().take(frame));
}

/** What came over the wire, as zlib takes it. */
export const withMagic = (frame: Uint8Array): Buffer => Buffer.concat([ZSTD_MAGIC, frame]);
