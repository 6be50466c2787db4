/**
 * One exchange on a link: what waits to be sent, the window both ways, and the state of both halves. It encodes nothing
 * before its turn comes: heads must enter the header table in the order in which they leave. An answer that needs an acknowledgement
 * (same, delta) is not over with its end frame: that half closes when the acknowledgement has crossed. SPEC section "Streams".
 */

import { LinkError, type StreamErrorCode } from "../errors.ts";
import type { AnswerForm, StreamFrame, StreamId } from "../frames/frame.ts";
import { writeFrame } from "../frames/frame-codec.ts";
import type { FrameHeaderEncoder } from "../frames/frame-headers.ts";
import type { Lease } from "../runtime/memory-budget.ts";
import type { ByteWriter } from "../wire/bytes.ts";
import { NO_EXTENSIONS } from "../wire/extensions.ts";
import type { Weight } from "./fair-queue.ts";
import { ReceiveWindow, type WindowGrowth } from "./receive-window.ts";
import { type MessageBounds, SendQueue, type StreamItem } from "./send-queue.ts";
import { NEXT, type Phase, type State, type StreamEvent, THEN } from "./stream-states.ts";

/** What a stream's user hears. Data must be given back by `taken`, sooner or later, or the peer stops. */
export interface StreamReceiver {
  /** `payloadBytes`: what the frame took on the wire after its stream id, SPEC section "Frames". */
  frame(frame: StreamFrame, payloadBytes: number): void;
  /** The stream ended early; nothing more comes or can be sent. */
  reset(code: StreamErrorCode): void;
  /** The queue has room again after it had none. */
  room(): void;
  /** The peer has gone silent, and the link may be dead. */
  suspect?(): void;
}

/** That all of an answer is verified. */
export type Acknowledgement = Extract<StreamFrame, { kind: "verified" }>;

/** What a stream needs of its link. */
export interface StreamHost extends WindowGrowth {
  /** The stream has something to send and the window for it. */
  ready(stream: Stream): void;
  control(frame: StreamFrame): void;
  /** The link's budget is used up: what is sent now waits for what was sent before. */
  isFull(): boolean;
  /** Sends an acknowledgement on which nobody waits, and which lets the peer give up `bytes` of memory. */
  later(frame: Acknowledgement, bytes: number): void;
  window(streamId: StreamId, bytes: number): void;
  /** Of the memory share of the link's key. */
  lease(): Lease;
  /** Gives an opening stream its number, when its open frame leaves. */
  number(stream: Stream): StreamId;
  /** `grownBytes`: what its window has taken of the memory budget. */
  closed(stream: Stream, grownBytes: number): void;
}

/** `all`, `more`: a frame was written, and nothing, or something, may follow; `waits`: for another message; `nothing`: to write. */
export type Written = "all" | "more" | "waits" | "nothing";

const needsDigest = (form: AnswerForm): boolean => form.kind === "same" || form.kind === "delta";

/** What a peer may say about our half, whatever its own is at. */
const ABOUT_OURS: ReadonlySet<StreamFrame["kind"]> = new Set([
  "offers",
  "verified",
  "askWhole",
  "stopSending",
]);
const FROM_EDGE: ReadonlySet<StreamFrame["kind"]> = new Set(["open", "offers", "verified", "askWhole"]);
const FROM_ORIGIN: ReadonlySet<StreamFrame["kind"]> = new Set(["answer", "resume"]);

export class Stream {
  readonly urgency: number;
  readonly weight: Weight = { bytes: 0, at: 0, waitsAs: undefined };
  /** Undefined until the open frame has left. Written by the stream alone. */
  id: StreamId | undefined;
  readonly #host: StreamHost;
  readonly #window: ReceiveWindow;
  readonly #queue: SendQueue;
  #receiver: StreamReceiver | undefined;
  /** Frames that this end never receives, because it is the end that sends them. */
  readonly #ownKinds: ReadonlySet<StreamFrame["kind"]>;
  #state: State = "open";
  #phase: Phase = "head";
  #askedWhole = false;
  /** The half that carries an answer stays open after its end until the acknowledgement has crossed: on the origin side, and here. */
  #answerSentUnverified = false;
  #answerReceivedUnverified = false;
  /** The answer received is a delta in segments. */
  #answerStreamed = false;

  constructor(
    host: StreamHost,
    bounds: { receiveBytes: number; sendBytes: number },
    opened: { readonly streamId?: StreamId; readonly urgency: number },
  ) {
    this.#host = host;
    this.id = opened.streamId;
    this.#ownKinds = opened.streamId === undefined ? FROM_EDGE : FROM_ORIGIN;
    this.urgency = opened.urgency;
    this.#window = new ReceiveWindow(bounds.receiveBytes, host);
    this.#queue = new SendQueue(bounds.sendBytes);
  }

  get closed(): boolean {
    return this.#state === "closed";
  }

  /** All of its answer has left; nothing is missing but word that the edge has verified it. */
  get awaitsWord(): boolean {
    return this.#answerSentUnverified && this.#queue.endLeft;
  }

  /** Whether more data may be queued; if not, wait for `room`. */
  get hasRoom(): boolean {
    return this.#queue.hasRoom;
  }

  /** What is sent now waits for what others have sent. */
  get linkIsFull(): boolean {
    return this.#host.isFull();
  }

  /** Of the memory share of the link's key; whoever takes it gives it back. */
  lease(): Lease {
    return this.#host.lease();
  }

  listen(receiver: StreamReceiver): void {
    this.#receiver = receiver;
  }

  /**
   * Queues a frame; sent when the link's order and the window allow. Nothing happens on a closed stream. Returns whether more
   * data may be queued; if not, wait for `room`.
   */
  send(item: StreamItem): boolean {
    if (this.#state === "closed") return true;
    if (item.kind === "answer") this.#answerSentUnverified = needsDigest(item.form);
    this.#queue.push(item);
    const { hasRoom, sendable } = this.#queue;
    if (sendable) this.#host.ready(this);
    return hasRoom;
  }

  /** The reader has taken this many bytes of data. */
  taken(bytes: number): void {
    if (this.#state === "closed" || bytes === 0) return;
    const grant = this.#window.taken(bytes);
    if (grant > 0 && this.id !== undefined) this.#host.window(this.id, grant);
  }

  /** The body rebuilt so far is right up to `offset`; `done` when that is all of it. */
  verified(offset: number, done: boolean): void {
    if (this.#state === "closed" || this.id === undefined) return;
    const verified = { kind: "verified", streamId: this.id, offset } as const;
    // The origin side remembers a buffered page at once, and one that streamed when it is verified.
    if (done && !this.#answerStreamed) this.#host.later(verified, offset);
    else this.#host.control(verified);
    if (done && this.#answerReceivedUnverified) this.#endReceived();
  }

  /** Asks for the plain body from `offset` on. */
  askWhole(offset: number): void {
    if (this.#state === "closed" || this.id === undefined) return;
    this.#askedWhole = true;
    this.#host.control({ kind: "askWhole", streamId: this.id, offset });
  }

  /** The origin side has heard that its answer is verified to the last byte. */
  answerVerified(): void {
    if (!this.#answerSentUnverified || this.#state === "closed") return;
    this.#answerSentUnverified = false;
    if (this.#queue.endLeft) this.#move("endSent");
  }

  stopSending(code: StreamErrorCode): void {
    if (this.#state === "closed" || this.id === undefined) return;
    this.#host.control({ kind: "stopSending", streamId: this.id, code });
  }

  /** Gives the stream up. What the peer had under way still arrives, moves the header table, and is dropped. */
  reset(code: StreamErrorCode): void {
    if (this.#state === "closed") return;
    if (this.id !== undefined)
      this.#host.control({ kind: "reset", streamId: this.id, code, extensions: NO_EXTENSIONS });
    this.#queue.clear();
    this.#move("reset");
  }

  // From here on: called by the link.

  /** Writes the next frame into a message: whether it did, and whether there is more that may leave now. */
  writeNext(w: ByteWriter, bounds: MessageBounds, headers: FrameHeaderEncoder): Written {
    const couldNot = !this.#queue.hasRoom;
    const next = this.#queue.next(bounds.room, bounds.fresh, bounds.share);
    if (next === undefined) return this.sendable ? "waits" : "nothing";
    const { endLeft, sendable } = this.#queue;
    const hasRoom = couldNot && this.#queue.hasRoom;
    this.id ??= this.#host.number(this);
    const streamId = this.id;
    const frame =
      next.kind === "open"
        ? { ...next, streamId, verified: bounds.acknowledgedBy(streamId) }
        : ({ ...next, streamId } as StreamFrame);
    writeFrame(w, frame, headers);
    if (endLeft && !this.#answerSentUnverified && this.#writing) this.#move("endSent");
    if (hasRoom) this.#receiver?.room();
    const more = hasRoom ? this.sendable : sendable && this.#state !== "closed";
    return more ? "more" : "all";
  }

  /** Whether there is something to send and the window for it. */
  get sendable(): boolean {
    return this.#state !== "closed" && this.#queue.sendable;
  }

  granted(bytes: number): void {
    this.#queue.granted(bytes);
    if (this.sendable) this.#host.ready(this);
  }

  /** A frame of the peer; throws LinkError where the state allows none. */
  receive(frame: StreamFrame, payloadBytes: number): void {
    if (this.#state === "closed") return; // our side gave it up while it was being told of the open frame
    if (frame.kind === "reset") return this.lost(frame.code);
    if (!ABOUT_OURS.has(frame.kind)) this.#phase = this.#phaseAfter(frame);
    if (this.#ownKinds.has(frame.kind)) throw this.#unexpected(frame);
    const bytes = bodyBytes(frame);
    if (bytes > 0) this.#window.arrived(bytes);
    if (frame.kind === "answer") {
      this.#answerReceivedUnverified = needsDigest(frame.form);
      this.#answerStreamed = frame.form.kind === "delta" && frame.form.digest.of === "bases";
    }
    if (this.#phase === "ended" && this.#reading && !this.#answerReceivedUnverified) this.#endReceived();
    this.#receiver?.frame(frame, payloadBytes);
  }

  suspect(): void {
    this.#receiver?.suspect?.();
  }

  /** Ends without telling the peer: it reset the stream, or the link is gone. */
  lost(code: StreamErrorCode): void {
    if (this.#state === "closed") return;
    this.#queue.clear();
    this.#move("reset");
    this.#receiver?.reset(code);
  }

  #phaseAfter(frame: StreamFrame): Phase {
    if (frame.kind === "resume" && this.#askedWhole && this.#reading) {
      this.#askedWhole = false; // it spends no window, and comes once
      return "body";
    }
    const phase = THEN[this.#phase][frame.kind];
    if (phase === undefined) throw this.#unexpected(frame);
    if (frame.kind === "answer" && frame.form.kind === "interim") return "head";
    return (frame.kind === "answer" || frame.kind === "open") && frame.ended ? "ended" : phase;
  }

  #unexpected(frame: StreamFrame): LinkError {
    return new LinkError(
      "bad-frame",
      `${frame.kind} on stream ${this.id}, whose peer is at its ${this.#phase}`,
    );
  }

  get #reading(): boolean {
    return this.#state === "open" || this.#state === "onlyReading";
  }

  get #writing(): boolean {
    return this.#state === "open" || this.#state === "onlyWriting";
  }

  #endReceived(): void {
    this.#answerReceivedUnverified = false;
    this.#move("endReceived");
  }

  #move(event: StreamEvent): void {
    const next = NEXT[this.#state][event];
    if (next === undefined) throw new LinkError("bad-frame", `${event} on a stream that is ${this.#state}`);
    this.#state = next;
    if (next === "closed") this.#host.closed(this, this.#window.grownBytes);
  }
}

/** Bytes of a frame that spend window. */
const bodyBytes = (frame: StreamFrame): number => {
  if (frame.kind === "data") return frame.bytes.length;
  return frame.kind === "open" || frame.kind === "answer" ? frame.body.length : 0;
};
