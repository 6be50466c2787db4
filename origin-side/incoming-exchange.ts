/**
 * One exchange as the origin side sees it: the request with its body, the answer going out, and what the edge says of it.
 * Frames become method calls here, so that the story in answer-edge speaks of pages. SPEC section "Streams".
 */
import { Inbox } from "../protocol/kit/inbox.ts";
import type { Stream, StreamReceiver } from "../protocol/link/stream.ts";
import { StreamError, type StreamErrorCode } from "../protocol/wire/errors.ts";
import { NO_EXTENSIONS } from "../protocol/wire/extensions.ts";
import type { AnswerForm, OpenFrame, StreamFrame } from "../protocol/wire/frame.ts";
import type { HeaderList } from "../protocol/wire/header-block.ts";
import {
  type RequestHead,
  type ResponseHead,
  requestHeadFromList,
  responseHeadToList,
} from "../protocol/wire/http-head.ts";

const NO_BYTES = new Uint8Array(0);
const END_OF_BODY = Symbol("end of body");

/** Verdicts that wait; an edge that has more to say about one answer than this is not a fair one. */
export const MOST_WAITING_VERDICTS = 64;

/** What the edge says about an answer that needs proof. */
export type Verdict = { readonly kind: "proved" | "askWhole"; readonly offset: number };

export class IncomingExchange implements StreamReceiver {
  readonly open: OpenFrame;
  readonly request: RequestHead;
  /** Verdicts in the order in which they came. */
  readonly verdicts = new Inbox<Verdict>();
  /** Called when a verdict came, for who waits for something else. */
  heardVerdict: () => void = () => {};
  readonly #stream: Stream;
  readonly #gone = new AbortController();
  readonly #arrived = new Inbox<Uint8Array | typeof END_OF_BODY>();
  #bodyDone: boolean;
  #roomAgain: (() => void) | undefined;

  constructor(stream: Stream, open: OpenFrame) {
    this.#stream = stream;
    this.open = open;
    this.request = requestHeadFromList(open.head);
    this.#bodyDone = open.ended && open.body.length === 0;
    stream.listen(this);
  }

  get streamId(): number {
    return this.open.streamId;
  }

  /** Fires when the edge gave the exchange up, or the link is lost. Its reason is a StreamError. */
  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  /** The request's body, to be read once; undefined where there is none. Credit goes back as it is read. */
  body(): AsyncIterable<Uint8Array> | undefined {
    return this.#bodyDone ? undefined : this.#readBody();
  }

  interim(head: ResponseHead): void {
    this.#answer({ kind: "interim" }, head);
  }

  answer(form: AnswerForm, head: ResponseHead): void {
    this.#answer(form, head);
  }

  /** Queues a piece of the body; resolves when the queue has room for another. */
  async data(bytes: Uint8Array): Promise<void> {
    this.#stream.send({ kind: "data", bytes });
    while (!this.#stream.hasRoom && !this.#stream.closed) {
      await new Promise<void>((resolve) => {
        this.#roomAgain = resolve;
      });
    }
    this.gone.throwIfAborted();
  }

  segment(proof: string): void {
    this.#stream.send({ kind: "segment", proof });
  }

  /** What was queued of the answer gives way to its plain bytes from `offset` on. */
  resume(offset: number, codec: number): void {
    this.#stream.send({ kind: "resume", offset, codec });
  }

  end(how: "complete" | "closed", trailers: HeaderList): void {
    if (trailers.length > 0) this.#stream.send({ kind: "trailers", head: trailers });
    this.#stream.send({ kind: "end", how, extensions: NO_EXTENSIONS });
    this.#refuseRest();
  }

  /** The edge has the whole answer. */
  settled(): void {
    this.#stream.answerProved();
  }

  fail(code: StreamErrorCode): void {
    this.#stream.reset(code);
    this.#leave(code);
  }

  // From here on: called by the stream.

  frame(frame: StreamFrame): void {
    switch (frame.kind) {
      case "open":
        return this.#piece(frame.body, frame.ended);
      case "data":
        return this.#piece(frame.bytes, false);
      case "end":
        return this.#piece(NO_BYTES, true);
      case "proved":
      case "askWhole":
        if (this.verdicts.length >= MOST_WAITING_VERDICTS) return this.fail("internal");
        this.verdicts.push({ kind: frame.kind, offset: frame.offset });
        return this.heardVerdict();
      default: // request trailers are read, and given to no one, until fetch-origin can send them
    }
  }

  reset(code: StreamErrorCode): void {
    this.#leave(code);
  }

  room(): void {
    this.#roomAgain?.();
  }

  #answer(form: AnswerForm, head: ResponseHead): void {
    this.#stream.send({
      kind: "answer",
      ended: false,
      form,
      head: responseHeadToList(head),
      blockBytes: 0,
      extensions: NO_EXTENSIONS,
      body: NO_BYTES,
    });
  }

  #piece(bytes: Uint8Array, last: boolean): void {
    if (bytes.length > 0) this.#arrived.push(bytes);
    if (last) this.#arrived.push(END_OF_BODY);
  }

  async *#readBody(): AsyncGenerator<Uint8Array> {
    for (let piece = await this.#arrived.next(); piece !== END_OF_BODY; piece = await this.#arrived.next()) {
      yield piece;
      this.#stream.taken(piece.length);
    }
    this.#bodyDone = true;
  }

  /** The answer is there, and the web server did not want the rest of the request. */
  #refuseRest(): void {
    if (!this.#bodyDone) this.#stream.stopSending("cancelled");
  }

  #leave(code: StreamErrorCode): void {
    const error = new StreamError(code, `the exchange ended: ${code}`);
    this.#gone.abort(error);
    this.#arrived.fail(error);
    this.verdicts.fail(error);
    this.#roomAgain?.();
    this.heardVerdict();
  }
}
