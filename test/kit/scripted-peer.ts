/**
 * The other end of a link, written by hand: it says the frames that a test gives it and keeps those it hears, right or
 * wrong. Pings are answered, so that the real side goes on sending. Speaks for an edge or for an origin side.
 */

import type { AnswerForm, Frame, OpenFrame, StreamId } from "../../protocol/frames/frame.ts";
import { encodeFrame, readFrame } from "../../protocol/frames/frame-codec.ts";
import { FrameHeaderDecoder, FrameHeaderEncoder } from "../../protocol/frames/frame-headers.ts";
import { GivenCookies } from "../../protocol/frames/given-cookies.ts";
import type { Hello, Role } from "../../protocol/frames/hello.ts";
import { ReferableVersions } from "../../protocol/frames/offer-references.ts";
import type { HeaderList } from "../../protocol/http/header-list.ts";
import { helloMaker } from "../../protocol/link/local-hello.ts";
import { AsyncQueue } from "../../protocol/runtime/async-queue.ts";
import type { Transport } from "../../protocol/transport/transport.ts";
import { ByteReader } from "../../protocol/wire/bytes.ts";
import { NO_EXTENSIONS } from "../../protocol/wire/extensions.ts";
import { memoryPair } from "./memory-transport.ts";

export const PEER_LIMITS = {
  headBytes: 16 * 1024,
  streamsPerLink: 100,
  pageBytes: 8 * 1024 * 1024,
  codecs: [1, 2],
} as const;

const TABLE_BYTES = 4096;

export type Heard = Exclude<Frame, { kind: "hello" | "ping" | "pong" | "window" }>;

export class ScriptedPeer {
  readonly hello: Hello;
  /** Window that came, by stream. */
  readonly window = new Map<number, number>();
  /** Why the link ended, once it has. */
  readonly ended: Promise<string>;
  /** Whether pings are answered; a peer that says nothing else is silent without. */
  answersPings = true;
  readonly #transport: Transport;
  readonly #heard = new AsyncQueue<Heard>();
  readonly #carried = new ReferableVersions();
  readonly #given = new GivenCookies({ asks: true });
  readonly #headers = new FrameHeaderEncoder(TABLE_BYTES, this.#carried, this.#given);
  readonly #decoder = new FrameHeaderDecoder(
    { tableBytes: TABLE_BYTES, headBytes: 64 * 1024 },
    this.#carried,
    this.#given,
    true,
  );
  #received = 0;

  constructor(transport: Transport, role: Role, hello: Partial<Hello> = {}) {
    this.#transport = transport;
    this.hello = { ...helloMaker({ role, ...PEER_LIMITS })(), tableBytes: TABLE_BYTES, ...hello };
    transport.setMaxMessageBytes(128 * 1024);
    const { promise, resolve } = Promise.withResolvers<string>();
    this.ended = promise;
    transport.listen({
      message: (bytes) => this.#hear(bytes),
      drain() {},
      closed: (why) => {
        this.#heard.fail(new Error(`the link has ended: ${why}`));
        resolve(why);
      },
    });
    this.say(this.hello);
  }

  /** The next frame but hello, ping, pong and window. */
  next(): Promise<Heard> {
    return this.#heard.next();
  }

  /** The next frame, which must be of this kind. */
  async nextOf<Kind extends Heard["kind"]>(kind: Kind): Promise<Extract<Heard, { kind: Kind }>> {
    const frame = await this.next();
    if (frame.kind !== kind) throw new Error(`heard ${JSON.stringify(frame)} where ${kind} should have come`);
    return frame as Extract<Heard, { kind: Kind }>;
  }

  /** Frames that have come and were not asked for. */
  get unheard(): number {
    return this.#heard.length;
  }

  /** Says frames, each in a message of its own. */
  say(...frames: readonly Frame[]): void {
    for (const frame of frames) this.#transport.send(encodeFrame(frame, this.#headers));
  }

  sayBytes(bytes: Uint8Array): void {
    this.#transport.send(bytes);
  }

  /** Breaks the connection. */
  cut(): void {
    this.#transport.destroy("cut by the test");
  }

  #hear(bytes: Buffer): void {
    this.#received += bytes.length;
    const reader = new ByteReader(bytes);
    while (reader.left > 0) {
      const frame = readFrame(reader, this.#decoder);
      if (frame === undefined || frame.kind === "hello" || frame.kind === "pong") continue;
      if (frame.kind === "ping") {
        if (this.answersPings) this.say({ kind: "pong", token: frame.token, received: this.#received });
      } else if (frame.kind === "window")
        this.window.set(frame.streamId, (this.window.get(frame.streamId) ?? 0) + frame.bytes);
      else this.#heard.push(structuredCloneOf(frame));
    }
  }
}

/** The transport of the real side, and the one for a peer; the key is verified, as by TLS. */
export const wired = (keyId = "k"): { readonly real: Transport; readonly scripted: Transport } => {
  const [scripted, real] = memoryPair({ keyId });
  return { real, scripted };
};

/** Bytes in a frame are slices of its message, and tests compare them. */
const structuredCloneOf = (frame: Heard): Heard => {
  if (frame.kind === "data") return { ...frame, bytes: Buffer.from(frame.bytes) };
  if (frame.kind === "open" || frame.kind === "answer") return { ...frame, body: Buffer.from(frame.body) };
  return frame;
};

const NO_BYTES = Buffer.alloc(0);

/** An answer, by default with status 200 as text/html, without body and not ended. */
export const answerFrame = (
  streamId: number,
  form: AnswerForm,
  more: { head?: HeaderList; body?: Uint8Array; ended?: boolean } = {},
): Frame => ({
  kind: "answer",
  streamId: streamId as StreamId,
  ended: more.ended ?? false,
  form,
  head: more.head ?? [":status", "200", "Content-Type", "text/html"],
  blockBytes: 0,
  extensions: NO_EXTENSIONS,
  body: more.body ?? NO_BYTES,
});

/** An open for a GET, ended. */
export const openFrame = (
  streamId: number,
  more: Partial<OpenFrame> & { target?: string; host?: string } = {},
): Frame => {
  const { target = "/", host = "www.example.com", ...rest } = more;
  return {
    kind: "open",
    streamId: streamId as StreamId,
    ended: true,
    session: false,
    timings: false,
    urgency: 3,
    incremental: false,
    head: [":method", "GET", ":target", target, "Host", host],
    offers: [],
    extensions: NO_EXTENSIONS,
    body: NO_BYTES,
    ...rest,
  };
};

export const dataFrame = (streamId: number, bytes: Uint8Array): Frame => ({
  kind: "data",
  streamId: streamId as StreamId,
  bytes,
});

export const endFrame = (streamId: number, how: "complete" | "closed" = "complete"): Frame => ({
  kind: "end",
  streamId: streamId as StreamId,
  how,
  extensions: NO_EXTENSIONS,
});

export const resetFrame = (streamId: number, code: Extract<Frame, { kind: "reset" }>["code"]): Frame => ({
  kind: "reset",
  streamId: streamId as StreamId,
  code,
  extensions: NO_EXTENSIONS,
});
