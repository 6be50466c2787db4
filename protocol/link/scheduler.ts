/**
 * Everything that waits to leave on a link, and the order in which it does: control frames first, then streams by urgency,
 * in turn. All that is ready at one turn of the event loop leaves as one message of at most 16 KiB. What waits, waits
 * here, where it can still be overtaken: never in the operating system's buffers. SPEC sections "Messages" and "Order".
 */

import { LinkError } from "../errors.ts";
import { type Frame, MOST_STREAMS_AGO, type StreamId } from "../frames/frame.ts";
import { writeFrame } from "../frames/frame-codec.ts";
import type { FrameHeaderEncoder } from "../frames/frame-headers.ts";
import type { SendBudget } from "../pacing/send-budget.ts";
import type { Clock, Timer } from "../runtime/clock.ts";
import type { Transport } from "../transport/transport.ts";
import { ByteWriter } from "../wire/bytes.ts";
import { FairQueue } from "./fair-queue.ts";
import type { Acknowledgement, Stream } from "./stream.ts";

/** With the 8 bytes that WebSocket puts before it, at most, a message fills one TLS record. @internal */
export const MESSAGE_BYTES = 16 * 1024 - 8;
/**
 * How long a frame on which nobody waits may wait for a message that leaves anyway: alone it costs ten times its bytes. Where no
 * visit follows that is a ping or a pong, after one interval of silence and a half at most. @internal
 */
export const LATER_MS = 2_000;
/** Frames that let the peer give up this much memory together do not wait. @internal */
export const LATER_BYTES = 1024 * 1024;
/** Most acknowledgements that wait for an open frame while a message is filled. */
const MOST_WITH_OPENS = 64;
/** Of a frame that says verified, at most. */
const VERIFIED_BYTES = 18;
/** Bytes handed to the transport and not yet taken by the operating system, beyond which nothing more is handed over. @internal */
export const TRANSPORT_BYTES = 256 * 1024;
/** Pongs, window and resets that wait because the peer does not read; beyond this it is abuse, and costs about 1 MiB. @internal */
export const MOST_WAITING_CONTROL = 10_000;
/** On a slow path a message is on its way for so long: what is behind its first frame waits for its last. */
const MESSAGE_MS = 5;
const LEAST_MESSAGE_BYTES = 4 * 1024;
/** One message in so many begins with those that sent much: pages that never end do not stop a download. */
const HEAVY_TURN = 4;
/** What each of many streams may put into one message: eight share it, so a small answer is not behind eight messages. */
const LEAST_SHARE_BYTES = 2 * 1024;

export class Scheduler {
  readonly #transport: Transport;
  readonly #budget: SendBudget;
  readonly #clock: Pick<Clock, "now" | "after">;
  readonly #opening: readonly unknown[];
  readonly #writer = new ByteWriter();
  readonly #streams = new FairQueue<Stream>();
  /** Frames of the link itself that wait. */
  #control: Frame[] = [];
  /** At most so much of what was handed to the transport is still there; it is asked when that is too much, and at first. */
  #handedBytes = TRANSPORT_BYTES;
  /** Leave with the next message: those that no open frame takes along before all else, for they were made before the rest. */
  #later: Acknowledgement[] = [];
  #laterBytes = 0;
  #laterTimer: Timer | undefined;
  #headers: FrameHeaderEncoder | undefined;
  #scheduled = false;
  /** The writer holds the beginning of a message: a stream that ends while it is filled may have it sent at once. */
  #filling = false;
  #closed = false;
  /** Messages with frames of streams so far. */
  #turns = 0;

  /** `opening`: the streams that wait for their open frame to leave. */
  constructor(
    transport: Transport,
    budget: SendBudget,
    clock: Pick<Clock, "now" | "after">,
    opening: readonly unknown[] = [],
  ) {
    this.#opening = opening;
    this.#transport = transport;
    this.#budget = budget;
    this.#clock = clock;
  }

  /** Streams may send from now on: the hellos are exchanged. */
  start(headers: FrameHeaderEncoder): void {
    // Our proof leaves alone: until the peer has seen it, it takes no message as large as streams make them.
    this.flush();
    this.#headers = headers;
    this.schedule();
  }

  control(frame: Frame): void {
    // What is verified is told before what ends its stream.
    if (frame.kind === "reset" || frame.kind === "goAway") this.#control.push(...this.#takeLater());
    this.#control.push(frame);
    this.schedule();
  }

  /** Sends with the next message, or after LATER_MS; `bytes` is what the peer holds until then. */
  later(frame: Acknowledgement, bytes: number): void {
    if (this.#closed) return;
    this.#later.push(frame);
    this.#laterBytes += bytes;
    if (this.#laterBytes >= LATER_BYTES) this.hurryLater();
    // One timer for all that wait, and never set anew: under load they have left long before it runs.
    else this.#laterTimer ??= this.#clock.after(LATER_MS, this.hurryLater);
  }

  /** Throws LinkError for a peer that sends, and does not read what it is answered. */
  throwIfUnread(): void {
    if (this.#control.length > MOST_WAITING_CONTROL)
      throw new LinkError("too-large", "the peer sends but does not read what it is answered");
  }

  ready(stream: Stream): void {
    this.schedule();
    this.#streams.add(stream);
  }

  drop(stream: Stream): void {
    this.#streams.remove(stream);
  }

  /** Sends at the end of this turn of the event loop, so that frames made by one batch of events share a message. */
  schedule(): void {
    if (this.#scheduled || this.#closed) return;
    this.#scheduled = true;
    setImmediate(this.#flushScheduled);
  }

  /** Sends what can be sent now. */
  flush(): void {
    // What may be later waits for anything else to leave.
    while (
      !this.#closed &&
      (this.#control.length > 0 || this.#filling || this.#streams.size > 0) &&
      this.#transportTakes() &&
      this.#fillMessage()
    ) {
      const message = this.#writer.take();
      this.#filling = false;
      this.#budget.sent(message.length);
      this.#handedBytes += message.length;
      this.#transport.send(message);
    }
  }

  #transportTakes(): boolean {
    if (this.#handedBytes >= TRANSPORT_BYTES) this.#handedBytes = this.#transport.queuedBytes;
    return this.#handedBytes < TRANSPORT_BYTES;
  }

  /** Sends what can be sent now, and what could have waited. */
  flushAll(): void {
    this.hurryLater();
    this.flush();
  }

  close(): void {
    this.#closed = true;
    this.#control = [];
    this.#later = [];
    this.#laterTimer?.cancel();
  }

  /** Sends what may wait at the end of this turn. */
  readonly hurryLater = (): void => {
    this.#laterTimer?.cancel();
    this.#laterTimer = undefined;
    if (this.#later.length === 0) return;
    this.#control.unshift(...this.#takeLater());
    this.schedule();
  };

  /** All but the newest `but`. */
  #takeLater(but = 0): Acknowledgement[] {
    this.#laterBytes = 0;
    return this.#later.splice(0, this.#later.length - but);
  }

  /** How many acknowledgements may leave within open frames, and so not before all else. */
  #forOpens(): number {
    if (this.#headers?.acknowledging !== true) return 0;
    return Math.min(this.#later.length, this.#opening.length, MOST_WITH_OPENS);
  }

  readonly #flushScheduled = (): void => {
    this.#scheduled = false;
    this.flush();
  };

  /** Returns whether the writer holds a message. */
  #fillMessage(): boolean {
    const w = this.#writer;
    if (this.#later.length > 0) this.#control.unshift(...this.#takeLater(this.#forOpens()));
    let bytes = this.#filling ? w.length : 0;
    this.#filling = true;
    while (this.#control.length > 0 && bytes < MESSAGE_BYTES) {
      writeFrame(w, this.#control.shift() as Frame, this.#headers);
      bytes = w.length;
    }
    if (this.#headers !== undefined) bytes = this.#fillWithStreams(bytes, this.#headers);
    this.#filling = bytes > 0;
    if (bytes === 0 && this.#streams.size === 0) return false;
    if (bytes > 0 && this.#later.length > 0) for (const frame of this.#takeLater()) writeFrame(w, frame);
    if (this.#budget.isPingDue(bytes)) {
      writeFrame(w, { kind: "ping", token: this.#budget.startPing(this.#clock.now(), bytes) });
      return true;
    }
    return bytes > 0;
  }

  /** `controlBytes`: what the message holds already. Returns what it holds then. */
  #fillWithStreams(controlBytes: number, headers: FrameHeaderEncoder): number {
    const w = this.#writer;
    const messageBytes = this.#messageBytes() - this.#later.length * VERIFIED_BYTES;
    const mostBytes = Math.min(messageBytes, this.#budget.room);
    const first = this.#turns % HEAVY_TURN === HEAVY_TURN - 1 ? "heavy" : "light";
    let bytes = controlBytes;
    while (bytes < mostBytes) {
      const stream = this.#streams.next(first);
      if (stream === undefined) break;
      const share = Math.max(LEAST_SHARE_BYTES, Math.floor(messageBytes / (this.#streams.alike(stream) + 1)));
      const room = messageBytes - bytes;
      const bounds = { room, fresh: bytes === 0, share, acknowledgedBy: this.#acknowledgedBy };
      const written = stream.writeNext(w, bounds, headers);
      if (written === "nothing") break;
      if (written === "waits") {
        // Back to the front: whoever finds only the rest of a message must not lose its turn by that.
        this.#streams.putBack(stream);
        break;
      }
      const before = bytes;
      bytes = w.length;
      this.#streams.sent(stream, bytes - before);
      if (written === "more") this.#streams.add(stream);
    }
    if (bytes > controlBytes) this.#turns++;
    return bytes;
  }

  /** How many streams ago the answer was whose acknowledgement waits, and leaves with the open frame of `opening`. */
  readonly #acknowledgedBy = (opening: StreamId): number | undefined => {
    const at = this.#later.findIndex(({ streamId }) => opening - streamId <= MOST_STREAMS_AGO);
    const [taken] = at < 0 ? [] : this.#later.splice(at, 1);
    return taken && opening - taken.streamId;
  };

  #messageBytes(): number {
    const { bytesPerMs } = this.#budget;
    if (bytesPerMs === 0) return MESSAGE_BYTES;
    return Math.min(MESSAGE_BYTES, Math.max(LEAST_MESSAGE_BYTES, Math.floor(bytesPerMs * MESSAGE_MS)));
  }
}
