/**
 * The heads and trailers that a web server of HTTP/2 sends, each with all of its fields, beside those that node tells of: a field that
 * nghttp2 does not allow is missing there. RFC 9113 section 8.2.1.
 */
import type { HeaderList } from "../http/header-list.ts";
import { Fifo } from "../runtime/fifo.ts";
import { type BlockReader, HeaderBlocks } from "./header-blocks.ts";
import { HpackDecoder } from "./hpack.ts";

/** What nghttp2 takes of one block at most, a frame and eight that continue it, fits in. */
const MOST_BLOCK_BYTES = 256 * 1024;
/**
 * Heads that node has not told of. What a socket and node hold of unread bytes has fewer, and node tells of all that it
 * reads at once. @internal
 */
export const MOST_UNTOLD = 20_000;

interface Sent {
  readonly stream: number;
  readonly fields: HeaderList;
}

/** Of one connection. */
export class SentHeads implements BlockReader {
  readonly #blocks = new HeaderBlocks(this, 0);
  readonly #untold = new Fifo<Sent>();
  /** Undefined from a block on that is none; nghttp2 ends the connection there. */
  #decoder: HpackDecoder | undefined = new HpackDecoder();
  #block: Buffer[] = [];
  #blockBytes = 0;

  /** What comes next of the connection. False: more than node would ever take, and the connection is to end. */
  read(bytes: Buffer): boolean {
    this.#blocks.read(bytes);
    return this.#untold.length <= MOST_UNTOLD && this.#blockBytes <= MOST_BLOCK_BYTES;
  }

  /** All fields, pseudo fields with them, of the head or trailers that node tells of next; undefined where there is none. */
  next(stream: number): HeaderList | undefined {
    for (let sent = this.#untold.shift(); sent !== undefined; sent = this.#untold.shift())
      if (sent.stream === stream) return sent.fields;
    return undefined;
  }

  blockBegins(): void {
    this.#block = [];
    this.#blockBytes = 0;
  }

  blockGoesOn(bytes: Buffer, from: number, to: number): void {
    this.#blockBytes += to - from;
    if (this.#blockBytes <= MOST_BLOCK_BYTES) this.#block.push(Buffer.from(bytes.subarray(from, to)));
  }

  blockEnds(stream: number): void {
    try {
      const fields = this.#decoder?.decode(Buffer.concat(this.#block));
      if (fields !== undefined) this.#untold.push({ stream, fields });
    } catch {
      this.#decoder = undefined;
    }
    this.blockBegins();
  }
}
