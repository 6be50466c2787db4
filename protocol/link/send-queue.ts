/**
 * What one stream has to send, in order, and the window it has for it. Bodies leave in pieces that fit the message; a head
 * takes along as much of its body as is there and fits, and the end too, so a small exchange is one frame each way.
 * SPEC sections "Window" and "Order".
 */

import type { AnswerFrame, OpenFrame, StreamFrame, StreamId } from "../frames/frame.ts";
import type { HeaderList } from "../http/header-list.ts";
import { Fifo } from "../runtime/fifo.ts";
import { PIECE_BYTES, PieceMerger } from "../runtime/piece-merger.ts";
import { NO_EXTENSIONS } from "../wire/extensions.ts";

type Unnumbered<F> = F extends StreamFrame ? Omit<F, "streamId"> : never;
type Head = Unnumbered<OpenFrame> | Unnumbered<AnswerFrame>;

/** A frame of a stream before it has its number. */
export type StreamItem = Unnumbered<
  Extract<
    StreamFrame,
    { kind: "open" | "offers" | "answer" | "data" | "trailers" | "end" | "segment" | "resume" }
  >
>;

/** What a message takes of one stream. */
export interface MessageBounds {
  /** Bytes that it has left. */
  readonly room: number;
  /** It holds nothing yet. */
  readonly fresh: boolean;
  /** Most bytes of a body. */
  readonly share: number;
  /** Which answer an open frame acknowledges, as the frame has it. */
  readonly acknowledgedBy: (opening: StreamId) => number | undefined;
}

/** A stream whose queue holds this much should be fed no more for now. @internal */
export const QUEUE_BYTES = 64 * 1024;
/** Room in a message below which a body waits for the next one rather than being cut into crumbs. */
const LEAST_PIECE_BYTES = 512;
/** Most bytes of length, kind, stream id and counts around a body. */
const FRAME_OVERHEAD_BYTES = 32;
/** What a field takes beyond its name and value, at most. */
const FIELD_OVERHEAD_BYTES = 4;

const EMPTY = new Uint8Array(0);

/** Upper bound of what a head takes on the wire, and what the bound `headBytes` of the hello counts. */
export const headSize = (head: HeaderList): number => {
  let bytes = 0;
  for (const part of head) bytes += part.length;
  return bytes + (head.length / 2) * FIELD_OVERHEAD_BYTES;
};

/** What there may be any number of on one stream, so that it counts for more than its bytes. */
const isPiece = ({ kind }: StreamItem): boolean => kind === "data" || kind === "segment";

export class SendQueue {
  readonly #items = new Fifo<StreamItem>();
  /** Of bodies that come in small pieces. */
  #merger: PieceMerger | undefined;
  #window: number;
  #queuedBytes = 0;
  /** The end frame, or a head that carries the end, was taken off. Written by the queue alone. */
  endLeft = false;

  constructor(windowBytes: number) {
    this.#window = windowBytes;
  }

  get hasRoom(): boolean {
    return this.#queuedBytes < QUEUE_BYTES;
  }

  get sendable(): boolean {
    if (this.#items.length === 0) return false;
    return this.#window > 0 || this.#items.first?.kind !== "data";
  }

  granted(bytes: number): void {
    this.#window += bytes;
  }

  push(item: StreamItem): void {
    if (item.kind === "data") {
      if (item.bytes.length === 0) return;
      if (this.#merge(item.bytes)) return;
      this.#queuedBytes += item.bytes.length;
    }
    if (item.kind === "resume") this.#startOver();
    if (item.kind === "open" || item.kind === "answer") this.#queuedBytes += item.body.length;
    if (isPiece(item)) this.#queuedBytes += PIECE_BYTES;
    this.#items.push(item);
  }

  clear(): void {
    if (this.#items.length > 0) this.#items.clear();
    this.#queuedBytes = 0;
  }

  /**
   * The next frame that fits `room`, taken off the queue; undefined if it wants another message or more window. A head that
   * fits no message goes alone in a `fresh` one. Of bodies a frame carries at most `share` bytes.
   */
  next(room: number, fresh: boolean, share: number): StreamItem | undefined {
    const first = this.#items.first;
    if (first === undefined) return undefined;
    if (first.kind === "data") return this.#piece(first.bytes, Math.min(room, share));
    if (first.kind !== "open" && first.kind !== "answer") {
      if (first.kind === "end") this.endLeft = true;
      return this.#shift();
    }
    const bodyRoom = room - headSize(first.head) - FRAME_OVERHEAD_BYTES;
    if (bodyRoom < 0 && !fresh) return undefined;
    this.#items.shift();
    const next = this.#withBody(first, bodyRoom);
    if (next.ended) this.endLeft = true;
    return next;
  }

  /** A body that came with its head is behind it like any other from here on: it does not fit, or has no window. */
  #takeApart(head: Head): Head {
    if (head.body.length === 0) return head;
    if (head.ended) this.#items.unshift({ kind: "end", how: "complete", extensions: NO_EXTENSIONS });
    this.#items.unshift({ kind: "data", bytes: head.body });
    this.#queuedBytes += PIECE_BYTES;
    return { ...head, body: EMPTY, ended: false };
  }

  /** What is left of the answer gives way to its plain bytes, which have an end of their own. */
  #startOver(): void {
    this.clear();
    this.endLeft = false;
  }

  #piece(bytes: Uint8Array, room: number): StreamItem | undefined {
    const size = Math.min(bytes.length, this.#window, room - FRAME_OVERHEAD_BYTES);
    if (size <= 0 || (size < bytes.length && size < LEAST_PIECE_BYTES && size < this.#window))
      return undefined;
    this.#spend(size);
    if (size === bytes.length) this.#shift();
    else this.#items.replaceFirst({ kind: "data", bytes: bytes.subarray(size) });
    return { kind: "data", bytes: bytes.subarray(0, size) };
  }

  /** The head with what of its body is there and fits, and with the end if that is all. */
  #withBody(whole: Head, room: number): Head {
    if (whole.kind === "answer" && whole.form.kind === "interim") return whole;
    if (whole.ended && whole.body.length <= Math.min(room, this.#window)) {
      this.#spend(whole.body.length);
      return whole;
    }
    const head = this.#takeApart(whole);
    const body = this.#bodyWithin(Math.min(room, this.#window));
    const next = this.#items.first;
    const ended = next?.kind === "end" && next.how === "complete" && next.extensions === NO_EXTENSIONS;
    if (ended) this.#items.shift();
    return { ...head, body, ended: head.ended || ended };
  }

  #bodyWithin(room: number): Uint8Array {
    const pieces: Uint8Array[] = [];
    let left = room;
    for (
      let item = this.#items.first;
      item?.kind === "data" && item.bytes.length <= left;
      item = this.#items.first
    ) {
      pieces.push(item.bytes);
      left -= item.bytes.length;
      this.#spend(item.bytes.length);
      this.#shift();
    }
    return pieces.length > 1 ? Buffer.concat(pieces) : (pieces[0] ?? EMPTY);
  }

  /** Joins a small piece to the one before it, where that waits too. */
  #merge(bytes: Uint8Array): boolean {
    const last = this.#items.last;
    if (last?.kind !== "data") return false;
    this.#merger ??= new PieceMerger();
    const merged = this.#merger.merged(last.bytes, bytes);
    if (merged === undefined) return false;
    this.#items.replaceLast({ kind: "data", bytes: merged });
    this.#queuedBytes += bytes.length;
    return true;
  }

  #shift(): StreamItem | undefined {
    const item = this.#items.shift();
    if (item !== undefined && isPiece(item)) this.#queuedBytes -= PIECE_BYTES;
    return item;
  }

  #spend(bytes: number): void {
    this.#window -= bytes;
    this.#queuedBytes -= bytes;
  }
}
