/**
 * Two links over a memory wire, greeted, with everything they say and hear kept: the origin side's dials, the edge's
 * listens. Messages can be injected as a peer's, and read back as frames.
 */

import type { StreamErrorCode } from "../../protocol/errors.ts";
import type { AnswerForm, Frame, OpenFrame, StreamFrame, VersionFrame } from "../../protocol/frames/frame.ts";
import { readFrame } from "../../protocol/frames/frame-codec.ts";
import { FrameHeaderDecoder } from "../../protocol/frames/frame-headers.ts";
import type { Hello, Role } from "../../protocol/frames/hello.ts";
import { type TraceSink, withFrameTrace } from "../../protocol/link/frame-trace.ts";
import type { KeyProof } from "../../protocol/link/handshake.ts";
import { LinkEndpoint } from "../../protocol/link/link.ts";
import type { Link, LinkEnd } from "../../protocol/link/link-api.ts";
import type { StreamItem } from "../../protocol/link/send-queue.ts";
import type { Stream, StreamReceiver } from "../../protocol/link/stream.ts";
import { MemoryBudget } from "../../protocol/runtime/memory-budget.ts";
import type { Transport, TransportEvents } from "../../protocol/transport/transport.ts";
import { ByteReader } from "../../protocol/wire/bytes.ts";
import { NO_EXTENSIONS } from "../../protocol/wire/extensions.ts";
import { FakeClock, settle } from "./fake-clock.ts";
import { type MemoryTransport, type MemoryWire, memoryPair } from "./memory-transport.ts";

/** Hears a stream; by default takes data as it comes. */
export class Listener implements StreamReceiver {
  readonly stream: Stream;
  readonly frames: StreamFrame[] = [];
  readonly payloads: number[] = [];
  readonly resets: StreamErrorCode[] = [];
  rooms = 0;
  /** Bytes of body that came. */
  bodyBytes = 0;
  /** Whether frames are kept; a long download is only counted. */
  keeps = true;
  /** Whether data is given back as window at once. */
  takes = true;
  /** Runs for each frame. */
  onFrame: (frame: StreamFrame) => void = () => {};

  constructor(stream: Stream) {
    this.stream = stream;
    stream.listen(this);
  }

  get kinds(): string[] {
    return this.frames.map(({ kind }) => kind);
  }

  get body(): Buffer {
    return Buffer.concat(this.frames.map(bodyOf));
  }

  frame(frame: StreamFrame, payloadBytes: number): void {
    if (this.keeps) {
      this.frames.push(frame);
      this.payloads.push(payloadBytes);
    }
    const { length } = bodyOf(frame);
    this.bodyBytes += length;
    if (this.takes) this.stream.taken(length);
    this.onFrame(frame);
  }

  reset(code: StreamErrorCode): void {
    this.resets.push(code);
  }

  room(): void {
    this.rooms++;
  }
}

const NOTHING = Buffer.alloc(0);
const bodyOf = (frame: StreamFrame): Uint8Array => {
  if (frame.kind === "data") return frame.bytes;
  return frame.kind === "open" || frame.kind === "answer" ? frame.body : NOTHING;
};

export const GET = (target = "/", more: Partial<OpenFrame> = {}): Extract<StreamItem, { kind: "open" }> => ({
  kind: "open",
  ended: true,
  session: false,
  timings: false,
  urgency: 3,
  incremental: false,
  head: [":method", "GET", ":target", target, "Host", "www.example.com"],
  offers: [],
  extensions: NO_EXTENSIONS,
  body: NOTHING,
  ...more,
});

/** An answer that is not over before word comes that it is verified. */
export const SAME = { kind: "same", offer: 0, result: "0123456789abcdef" } as const;

export const ANSWER = (
  body: string | Buffer = "",
  form: AnswerForm = { kind: "passed" },
  ended = true,
): StreamItem => ({
  kind: "answer",
  ended,
  form,
  head: [":status", "200", "Content-Type", "text/html"],
  blockBytes: 0,
  extensions: NO_EXTENSIONS,
  body: Buffer.from(body),
});

export const DATA = (bytes: number): StreamItem => ({ kind: "data", bytes: Buffer.alloc(bytes, 0x61) });
export const END: StreamItem = { kind: "end", how: "complete", extensions: NO_EXTENSIONS };

/** One end, and what happened at it. */
interface End {
  readonly link: Link;
  readonly transport: MemoryTransport;
  /** Messages this end has sent since the greeting, oldest first. */
  readonly sent: Buffer[];
  /** Bytes of each of them. */
  readonly sentBytes: number[];
  /** Listeners of streams that the peer opened here, oldest first. */
  readonly opened: Listener[];
  readonly ends: LinkEnd[];
  readonly forgotten: (readonly [string, string])[];
  readonly pushed: VersionFrame[];
  ups: number;
  drains: number;
  /** Called for each stream the peer opens. */
  onOpened: (listener: Listener, open: OpenFrame) => void;
  /** Sends raw bytes to the peer as one message, past this end's link. */
  inject(message: Uint8Array): void;
  /** Opens a stream here and listens to it. */
  open(item?: Extract<StreamItem, { kind: "open" }>): Listener;
}

export interface PairOptions {
  readonly clock?: FakeClock;
  readonly wire?: MemoryWire;
  readonly hello?: Partial<Hello>;
  readonly edgeHello?: Partial<Hello>;
  readonly originHello?: Partial<Hello>;
  readonly edgeProof?: KeyProof;
  readonly originProof?: KeyProof;
  readonly behindBalancer?: boolean;
  readonly heartbeatMs?: number;
  readonly handshakeMs?: number;
  readonly memoryBytes?: number;
  /** False: of messages only `sentBytes` is kept, as where many megabytes cross; then nothing meddles. */
  readonly keepSent?: boolean;
  /** What becomes of each message an end sends, and of what is injected with it. */
  readonly meddle?: (role: Role, message: Buffer) => readonly Uint8Array[];
  /** Takes a line for each frame, as COILGUN_TRACE=frames does. */
  readonly trace?: TraceSink;
}

export interface LinkPair {
  readonly edge: End;
  readonly origin: End;
  readonly clock: FakeClock;
  readonly memory: MemoryBudget;
  /** Closes what is still open, and waits for it. */
  close(): Promise<void>;
}

let nonces = 0;
export const helloOf = (role: Role, more: Partial<Hello> = {}): Hello => ({
  kind: "hello",
  version: 1,
  oldest: 1,
  role,
  instanceId: `${role} instance`.padEnd(16),
  storeId: `${role} store`.padEnd(16),
  nonce: `nonce ${nonces++}`.padEnd(16),
  headBytes: 32 * 1024,
  tableBytes: 16 * 1024,
  streamBytes: 256 * 1024,
  streams: 100,
  pageBytes: 8 * 1024 * 1024,
  codecs: [1],
  features: [],
  ...more,
});

const BY_TRANSPORT: KeyProof = { by: "transport", keyId: "shop" };

/** Turns of the event loop for messages to cross and be answered. */
export const turns = async (count = 12): Promise<void> => {
  for (let turn = 0; turn < count; turn++) await settle();
};

/** Two links that have not greeted each other yet; `greetedPair` waits for that. */
export const linkPair = (options: PairOptions = {}): LinkPair => {
  const clock = options.clock ?? new FakeClock();
  const memory = new MemoryBudget({
    totalBytes: options.memoryBytes ?? 2 ** 26,
    shareBytes: options.memoryBytes ?? 2 ** 26,
  });
  const [dialler, listener] = memoryPair(options.wire);
  const end = (role: Role, transport: MemoryTransport): End => {
    const sent: Buffer[] = [];
    const sentBytes: number[] = [];
    const send = (message: Uint8Array) => {
      sentBytes.push(message.length);
      if (options.keepSent === false) return transport.send(message);
      const bytes = Buffer.from(message);
      sent.push(bytes);
      for (const each of options.meddle?.(role, bytes) ?? [bytes]) transport.send(each);
    };
    const tapped: Transport = {
      peer: transport.peer,
      listen: (events: TransportEvents) => transport.listen(events),
      send,
      get queuedBytes() {
        return transport.queuedBytes;
      },
      setMaxMessageBytes: (bytes) => transport.setMaxMessageBytes(bytes),
      pause: () => transport.pause(),
      resume: () => transport.resume(),
      close: (why) => transport.close(why),
      destroy: (why) => transport.destroy(why),
      exportKey: (label, bytes) => transport.exportKey(label, bytes),
    };
    const own = role === "edge" ? options.edgeHello : options.originHello;
    const hello = helloOf(role, { ...options.hello, ...own });
    const link = new LinkEndpoint({
      transport: withFrameTrace({ transport: tapped, hello, clock }, options.trace),
      hello,
      keyProof: (role === "edge" ? options.edgeProof : options.originProof) ?? BY_TRANSPORT,
      behindBalancer: options.behindBalancer ?? false,
      clock,
      heartbeatMs: options.heartbeatMs ?? 10_000,
      handshakeMs: options.handshakeMs ?? 5_000,
      memory,
      events: {
        up: () => made.ups++,
        opened(stream, open) {
          const heard = new Listener(stream);
          made.opened.push(heard);
          made.onOpened(heard, open);
        },
        forget: (host, url) => made.forgotten.push([host, url]),
        pushed: (version) => made.pushed.push(version),
        draining: () => made.drains++,
        closed: (why) => made.ends.push(why),
      },
    });
    const made: End = {
      link,
      transport,
      sent,
      sentBytes,
      opened: [],
      ends: [],
      forgotten: [],
      pushed: [],
      ups: 0,
      drains: 0,
      onOpened: () => {},
      inject: (message) => transport.send(message),
      open: (item = GET()) => new Listener(link.open(item)),
    };
    return made;
  };
  const origin = end("origin", dialler);
  const edge = end("edge", listener);
  return {
    edge,
    origin,
    clock,
    memory,
    async close() {
      edge.link.close("shutting-down", "the test is over");
      origin.link.close("shutting-down", "the test is over");
      edge.transport.destroy("");
      origin.transport.destroy("");
      await turns();
    },
  };
};

/** Two links that are up. What they said in greeting is not in `sent` any more. */
export const greetedPair = async (options: PairOptions = {}): Promise<LinkPair> => {
  const pair = linkPair(options);
  if (options.wire?.clock === undefined) await turns();
  else await pair.clock.advance(4 * (options.wire.delayMs ?? 0) + 100);
  for (const { sent, sentBytes } of [pair.edge, pair.origin]) sent.length = sentBytes.length = 0;
  return pair;
};

/** The frames in messages of one end, which begin with the first head it sent. Frames that are skipped are left out. */
export const framesOf = (messages: readonly Buffer[], tableBytes = 16 * 1024): Frame[] =>
  messagesOf(messages, tableBytes).flat();

/** As `framesOf`, message by message. */
export const messagesOf = (messages: readonly Buffer[], tableBytes = 16 * 1024): Frame[][] => {
  const headers = new FrameHeaderDecoder({ tableBytes, headBytes: 2 ** 20 }, undefined, undefined, true);
  return messages.map((message) => {
    const reader = new ByteReader(message);
    const frames: Frame[] = [];
    while (reader.left > 0) {
      const frame = readFrame(reader, headers);
      if (frame !== undefined) frames.push(frame);
    }
    return frames;
  });
};
