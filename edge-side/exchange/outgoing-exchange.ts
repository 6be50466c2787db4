/**
 * One exchange as the edge sees it: frames of the answer in order, and what the edge says back. Frames wait here until the
 * story takes them, and credit returns only for what was taken, so a slow visitor holds nothing but its own stream. SPEC
 * section "Streams".
 */

import { StreamError, type StreamErrorCode } from "../../protocol/errors.ts";
import type { AnswerFrame, StreamFrame } from "../../protocol/frames/frame.ts";
import { type RequestHead, requestHeadToList } from "../../protocol/http/head.ts";
import type { HeaderList } from "../../protocol/http/header-list.ts";
import type { Link } from "../../protocol/link/link-api.ts";
import type { Stream, StreamReceiver } from "../../protocol/link/stream.ts";
import { Inbox } from "../../protocol/runtime/async-queue.ts";
import { type Extension, NO_EXTENSIONS } from "../../protocol/wire/extensions.ts";
import type { BodySink } from "./visitor.ts";

const NO_BYTES = new Uint8Array(0);

/** Frames that wait for the story; credit bounds their bytes, and this what frames without any would take. @internal */
export const MOST_WAITING_FRAMES = 65_536;
/** Interim heads of one answer. @internal */
export const MOST_INTERIM_HEADS = 32;

export interface ExchangeOpening {
  readonly head: RequestHead;
  /** Short fingerprints, best last. */
  readonly offers: readonly string[];
  readonly session: boolean;
  readonly urgency: number;
  readonly incremental: boolean;
  /** It is opened by `begin`, not at once. */
  readonly held?: boolean;
}

/** What leaves with the head of a request whose body is decided about. */
export interface Beginning {
  readonly extensions?: readonly Extension[];
  readonly body?: Uint8Array;
}

export class OutgoingExchange implements StreamReceiver, BodySink {
  readonly #link: Link;
  readonly #opening: ExchangeOpening;
  #stream: Stream | undefined;
  readonly #arrived = new Inbox<StreamFrame>();
  /** Payload bytes of the answer's frames but the HTTP heads, SPEC section "Frames". */
  answerBytes = 0;
  /** Bytes of the request's body: on the link, and as the visitor sent them where that is not the same. */
  requestBytes = 0;
  plainRequestBytes: number | undefined;
  /** Called when more of the request's body may be sent. */
  roomForBody: () => void = () => {};
  /** Called when the origin side does not want the rest of the request's body. */
  bodyRefused: () => void = () => {};
  /** Called when the exchange has ended early, by whomever. */
  lost: () => void = () => {};
  /** Called once when the visit is over, however it went. */
  over: () => void = () => {};
  #ended = false;
  #lost = false;

  constructor(link: Link, opening: ExchangeOpening) {
    this.#link = link;
    this.#opening = opening;
    if (opening.held !== true) this.begin();
  }

  /** Opens the exchange, which was held, with what is here of its body. One that is lost stays so. */
  begin({ extensions = NO_EXTENSIONS, body = NO_BYTES }: Beginning = {}): void {
    if (this.#lost || this.#stream !== undefined) return;
    const { head, offers, session, urgency, incremental, held } = this.#opening;
    // While it was held the link may have gone.
    if (held === true && !this.#link.accepts) return this.reset("refused");
    this.requestBytes += body.length;
    this.#stream = this.#link.open({
      kind: "open",
      ended: false,
      session,
      timings: false,
      urgency,
      incremental,
      head: requestHeadToList(head),
      offers,
      extensions,
      body,
    });
    this.#stream.listen(this);
  }

  /** The number on its link; 0 before the request has left. */
  get streamId(): number {
    return this.#stream?.id ?? 0;
  }

  /** Queues a piece of the request's body; false when the sender should wait for `roomForBody`. */
  sendBody(bytes: Uint8Array): boolean {
    this.requestBytes += bytes.length;
    this.#stream?.send({ kind: "data", bytes });
    return this.#stream?.hasRoom ?? true;
  }

  /** Proves a coded body as far as it was sent. */
  segment(proof: string): void {
    this.#stream?.send({ kind: "segment", proof });
  }

  /** `closed`: the body was given up before its end. */
  endBody(how: "complete" | "closed", trailers: HeaderList): void {
    if (this.#ended) return;
    this.#ended = true;
    if (trailers.length > 0) this.#stream?.send({ kind: "trailers", head: trailers });
    this.#stream?.send({ kind: "end", how, extensions: NO_EXTENSIONS });
  }

  /** The next frame of the answer; rejects with StreamError when the exchange ends early. */
  next(): Promise<StreamFrame> {
    return this.#arrived.next();
  }

  /** The data that is here already and comes next; undefined if there is none. */
  moreData(): Buffer | undefined {
    const next = this.#arrived.peek();
    if (next?.kind !== "data") return undefined;
    this.#arrived.take();
    return next.bytes as Buffer;
  }

  /** The final answer head; each interim one goes to `interim`. */
  async answer(interim: (answer: AnswerFrame) => void): Promise<AnswerFrame> {
    for (let heads = 0; heads <= MOST_INTERIM_HEADS; heads++) {
      const frame = await this.next();
      if (frame.kind !== "answer")
        throw new StreamError("internal", `${frame.kind} before the head of an answer`);
      if (frame.form.kind !== "interim") return frame;
      interim(frame);
    }
    throw new StreamError("internal", `more than ${MOST_INTERIM_HEADS} interim heads`);
  }

  /** The story is done with this many bytes of body. */
  taken(bytes: number): void {
    this.#stream?.taken(bytes);
  }

  proved(offset: number, all: boolean): void {
    this.#stream?.proved(offset, all);
  }

  askWhole(offset: number): void {
    this.#stream?.askWhole(offset);
  }

  /** Gives the exchange up, if it is not over. */
  cancel(code: StreamErrorCode): void {
    this.#stream?.reset(code);
    this.reset(code);
  }

  // From here on: called by the stream.

  frame(frame: StreamFrame, payloadBytes: number): void {
    if (frame.kind === "stopSending") return this.bodyRefused();
    if (this.#arrived.length >= MOST_WAITING_FRAMES) return this.cancel("internal");
    this.answerBytes += payloadBytes - headBytes(frame, payloadBytes);
    this.#arrived.push(frame);
  }

  reset(code: StreamErrorCode): void {
    this.#lost = true;
    this.#arrived.fail(new StreamError(code, `the exchange ended: ${code}`));
    this.lost();
  }

  room(): void {
    this.roomForBody();
  }
}

const headBytes = (frame: StreamFrame, payloadBytes: number): number => {
  if (frame.kind === "answer") return frame.blockBytes;
  return frame.kind === "trailers" ? payloadBytes : 0;
};
