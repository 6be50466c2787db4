/** A stream without a link, for one side of an exchange: keeps what is sent, and plays what the peer says. */

import type { StreamErrorCode } from "../../protocol/errors.ts";
import type { OpenFrame, StreamFrame, StreamId } from "../../protocol/frames/frame.ts";
import type { StreamItem } from "../../protocol/link/send-queue.ts";
import type { Stream, StreamReceiver } from "../../protocol/link/stream.ts";
import { type Lease, MemoryBudget } from "../../protocol/runtime/memory-budget.ts";
import { NO_EXTENSIONS } from "../../protocol/wire/extensions.ts";
import { settle } from "./fake-clock.ts";

export const FAKE_ID = 1 as StreamId;

/** Of the key of a fake stream. */
export const MEMORY_SHARE = 64 * 1024;

export class FakeStream {
  readonly id = FAKE_ID;
  readonly sent: StreamItem[] = [];
  /** Of which its key may hold half. */
  readonly memory = new MemoryBudget({ totalBytes: 2 * MEMORY_SHARE, shareBytes: MEMORY_SHARE });
  hasRoom = true;
  linkIsFull = false;
  closed = false;
  takenBytes = 0;
  digests = 0;
  /** What an edge said of the answer: `verified 10`, `verified 20 all`, `askWhole 0`. */
  readonly acknowledgements: string[] = [];
  stopped: StreamErrorCode | undefined;
  resetWith: StreamErrorCode | undefined;
  #receiver: StreamReceiver | undefined;

  /** As what the code under test takes it for. */
  get asStream(): Stream {
    return this as unknown as Stream;
  }

  /** What was sent of one kind. */
  sentOf<Kind extends StreamItem["kind"]>(kind: Kind): Extract<StreamItem, { kind: Kind }>[] {
    return this.sent.filter((item) => item.kind === kind) as Extract<StreamItem, { kind: Kind }>[];
  }

  /** The kinds that were sent, in order. */
  get kinds(): string[] {
    return this.sent.map(({ kind }) => kind);
  }

  // What the peer does.

  says(frame: StreamFrame, payloadBytes = 0): void {
    this.#receiver?.frame(frame, payloadBytes);
  }

  async verifies(offset: number): Promise<void> {
    this.says({ kind: "verified", streamId: FAKE_ID, offset });
    await settle();
  }

  async asksWhole(offset: number): Promise<void> {
    this.says({ kind: "askWhole", streamId: FAKE_ID, offset });
    await settle();
  }

  leaves(code: StreamErrorCode): void {
    this.closed = true;
    this.#receiver?.reset(code);
  }

  makesRoom(): void {
    this.hasRoom = true;
    this.#receiver?.room();
  }

  // What the code under test calls.

  lease(): Lease {
    return this.memory.lease("k");
  }

  listen(receiver: StreamReceiver): void {
    this.#receiver = receiver;
  }

  send(item: StreamItem): boolean {
    if (!this.closed) this.sent.push(item);
    return this.hasRoom || this.closed;
  }

  taken(bytes: number): void {
    this.takenBytes += bytes;
  }

  verified(offset: number, all: boolean): void {
    this.acknowledgements.push(`proved ${offset}${all ? " all" : ""}`);
  }

  askWhole(offset: number): void {
    this.acknowledgements.push(`askWhole ${offset}`);
  }

  answerVerified(): void {
    this.digests++;
  }

  stopSending(code: StreamErrorCode): void {
    this.stopped = code;
  }

  reset(code: StreamErrorCode): void {
    this.resetWith = code;
    this.closed = true;
  }
}

/** The open frame of a GET that offers nothing. */
export const openOf = (more: Partial<OpenFrame> = {}): OpenFrame => ({
  kind: "open",
  streamId: FAKE_ID,
  ended: true,
  session: false,
  timings: false,
  urgency: 3,
  incremental: false,
  head: [":method", "GET", ":target", "/", "Host", "www.example.com"],
  offers: [],
  extensions: NO_EXTENSIONS,
  body: Buffer.alloc(0),
  ...more,
});
