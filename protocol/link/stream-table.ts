/**
 * The streams that are open on one link, by their numbers, and those whose open frame has not left yet. A number at or below
 * the highest that is not here is old: its stream was reset while a frame was on its way. SPEC section "Streams".
 */

import { LinkError, StreamError } from "../errors.ts";
import type { OpenFrame, StreamFrame, StreamId } from "../frames/frame.ts";
import type { Role } from "../frames/hello.ts";
import type { Clock } from "../runtime/clock.ts";
import { TurnoverMap } from "../runtime/turnover.ts";
import type { Transport } from "../transport/transport.ts";
import { FrameTurns } from "./frame-turns.ts";
import type { WhoWaits } from "./keepalive.ts";
import type { Stream } from "./stream.ts";

/** An offset that no body has. */
const TO_ITS_END = Number.MAX_SAFE_INTEGER;

export class StreamTable implements WhoWaits {
  readonly #turns: FrameTurns;
  readonly #byId = new TurnoverMap<number, Stream>();
  /** Those whose open frame has not left yet, in the order in which they were opened, which is nearly that in which they leave. */
  readonly #unnumbered: Stream[] = [];
  readonly opening: readonly Stream[] = this.#unnumbered;
  #highestId = 0;
  #seenId = 0;

  /** Written by the table only. A field, because every choice of a link asks for it. */
  size = 0;

  constructor(clock: Clock, transport: Transport) {
    this.#turns = new FrameTurns(clock, transport);
  }

  /** But those of which nothing is missing but the edge's word. */
  get underWay(): number {
    return this.size - [...this.#byId.values()].filter(({ awaitsWord }) => awaitsWord).length;
  }

  /** What go-away names as the last stream of the peer that was accepted. */
  lastAccepted(ours: Role): number {
    return ours === "origin" ? this.#highestId : Number.MAX_SAFE_INTEGER;
  }

  /** Whether streams are open, or were opened since the last call. */
  inUse(): boolean {
    const opened = this.#highestId > this.#seenId;
    this.#seenId = this.#highestId;
    return opened || this.size > 0;
  }

  /** A stream that this side opens; it gets its number when its open frame leaves. */
  add(stream: Stream): void {
    this.#unnumbered.push(stream);
    this.size++;
  }

  number(stream: Stream): StreamId {
    this.#unnumbered.splice(this.#unnumbered.indexOf(stream), 1);
    this.#highestId++;
    this.#byId.set(this.#highestId, stream);
    return this.#highestId as StreamId;
  }

  /** A stream that the peer opens, and the answer that its frame acknowledges. Throws LinkError if its number is not a new one. */
  accept({ streamId: id, verified }: OpenFrame, stream: Stream): void {
    if (id <= this.#highestId)
      throw new LinkError("bad-frame", `stream ${id} opened after ${this.#highestId}`);
    this.#highestId = id;
    this.#byId.set(id, stream);
    this.size++;
    if (verified !== undefined)
      this.receive({ kind: "verified", streamId: (id - verified) as StreamId, offset: TO_ITS_END }, 0);
  }

  remove(stream: Stream): void {
    const { id } = stream;
    if (id === undefined) this.#unnumbered.splice(this.#unnumbered.indexOf(stream), 1);
    else this.#byId.delete(id);
    this.size--;
  }

  /** Window for a stream that is not open any more, or for none, only reports what was received. */
  widened(frame: { readonly kind: "window"; readonly streamId: number; readonly bytes: number }): void {
    this.#find(frame)?.granted(frame.bytes);
  }

  /** `payloadBytes`: as in StreamReceiver. Throws LinkError where the stream's state allows no such frame. */
  receive(frame: Exclude<StreamFrame, OpenFrame>, payloadBytes: number): void {
    const stream = this.#find(frame);
    this.#turns.came();
    try {
      stream?.receive(frame, payloadBytes);
    } catch (error) {
      resetFor(error, stream);
    }
  }

  /** The peer has not accepted any stream above this number. */
  refuseAbove(lastStreamId: number): void {
    this.#refuseUnnumbered();
    for (const [id, stream] of [...this.#byId]) if (id > lastStreamId) stream.lost("refused");
  }

  /** The peer is silent: who waits for it may ask elsewhere. */
  suspect(): void {
    for (const stream of [...this.#unnumbered, ...this.#byId.values()]) stream.suspect();
  }

  /** The link is gone. */
  loseAll(): void {
    this.#refuseUnnumbered();
    for (const stream of [...this.#byId.values()]) stream.lost("link-lost");
  }

  #refuseUnnumbered(): void {
    for (const stream of [...this.#unnumbered]) stream.lost("refused");
  }

  #find(frame: { readonly kind: string; readonly streamId: number }): Stream | undefined {
    if (frame.streamId > this.#highestId)
      throw new LinkError("bad-frame", `${frame.kind} for stream ${frame.streamId}, which was never opened`);
    return this.#byId.get(frame.streamId);
  }
}

/** What goes wrong with one exchange is not the link's trouble, nor the program's. Throws what is no StreamError. */
export const resetFor = (error: unknown, stream: Stream | undefined): void => {
  if (!(error instanceof StreamError)) throw error;
  stream?.reset(error.code);
};
