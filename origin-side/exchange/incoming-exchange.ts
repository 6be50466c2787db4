/**
 * One exchange as the origin side sees it: the request with its body, the answer going out, and what the edge says of it.
 * Frames become method calls here, so that the story in answer-edge speaks of pages. SPEC section "Streams".
 */

import { LinkError, StreamError, type StreamErrorCode } from "../../protocol/errors.ts";
import type { AnswerForm, OpenFrame, StreamFrame } from "../../protocol/frames/frame.ts";
import { type RequestCoding, requestCodingOf } from "../../protocol/frames/request-coding.ts";
import {
  endToEndTrailers,
  type RequestHead,
  type ResponseHead,
  requestHeadFromList,
  responseHeadToList,
  upgradeOf,
} from "../../protocol/http/head.ts";
import type { HeaderList } from "../../protocol/http/header-list.ts";
import { headSize } from "../../protocol/link/send-queue.ts";
import type { Stream, StreamReceiver } from "../../protocol/link/stream.ts";
import { Inbox } from "../../protocol/runtime/async-queue.ts";
import type { BodyEnd, RequestBody } from "../../protocol/upstream/body.ts";
import { NO_EXTENSIONS } from "../../protocol/wire/extensions.ts";
import type { CodedBody, SegmentProof } from "./coded-body.ts";

const NO_BYTES = new Uint8Array(0);
const NO_TRAILERS: HeaderList = [];
/** What is left of a body that nobody reads any more. */
const GIVEN_UP: BodyEnd = { how: "closed", trailers: NO_TRAILERS };

/** Verdicts that wait; an edge that has more to say about one answer than this is not a fair one. */
export const MOST_WAITING_VERDICTS = 64;

/** Pieces and proofs of a request's body that wait; credit bounds their bytes, and this what proofs would take. */
export const MOST_WAITING_PIECES = 65_536;

/** What the edge says about an answer that needs proof. */
export type Verdict = { readonly kind: "proved" | "askWhole"; readonly offset: number };

export class IncomingExchange implements StreamReceiver {
  readonly open: OpenFrame;
  readonly request: RequestHead;
  /** How the request's body is coded; undefined: it is as it is. */
  readonly coding: RequestCoding | undefined;
  /** Verdicts in the order in which they came. */
  readonly verdicts = new Inbox<Verdict>();
  /** Called when a verdict came, for who waits for something else. */
  heardVerdict: () => void = () => {};
  readonly #stream: Stream;
  readonly #headBytes: number;
  readonly #gone = new AbortController();
  readonly #arrived = new Inbox<Uint8Array | SegmentProof | BodyEnd>();
  #bodyArrived = false;
  #bodyRefused = false;
  #trailers = NO_TRAILERS;
  #roomAgain: (() => void) | undefined;

  /**
   * `headBytes`: the largest head that the edge takes. `codedRequests`, `requestBases`: the hellos agreed on them; else one throws
   * LinkError, as does one that asks for an upgrade.
   */
  constructor(
    stream: Stream,
    open: OpenFrame,
    given: {
      readonly headBytes: number;
      readonly codedRequests?: boolean;
      readonly requestBases?: object | undefined;
    },
  ) {
    this.#stream = stream;
    this.#headBytes = given.headBytes;
    this.open = open;
    this.request = requestHeadFromList(open.head);
    this.coding = requestCodingOf(open.extensions);
    const agreed = this.coding?.kind === "kept" ? given.requestBases !== undefined : given.codedRequests;
    if (this.coding !== undefined && (agreed !== true || upgradeOf(this.request.fields) !== undefined))
      throw new LinkError("bad-frame", "a coded request where there may be none");
    stream.listen(this);
  }

  get streamId(): number {
    return this.open.streamId;
  }

  /** Fires when the edge gave the exchange up, or the link is lost. Its reason is a StreamError. */
  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  /** What is sent now waits for what others have sent. */
  get linkIsFull(): boolean {
    return this.#stream.linkIsFull;
  }

  /** The request's body, to be read once; undefined where there is none. Credit goes back as it is taken. */
  body(): RequestBody | undefined {
    return this.open.ended && this.open.body.length === 0 ? undefined : this.upgradedBody();
  }

  /** What the visitor sends once the exchange is upgraded. */
  upgradedBody(): RequestBody {
    const { taken } = this.codedBody();
    // Without a coding there are no proofs among it: `frame` sees to that.
    return { next: () => this.#arrived.next() as Promise<Uint8Array | BodyEnd>, taken };
  }

  /** The request's body as it crosses the link, where it is coded. */
  codedBody(): CodedBody {
    return { next: () => this.#arrived.next(), taken: (bytes) => this.#stream.taken(bytes) };
  }

  /** Has the request's body, which is all here, come once more. */
  askBody(): void {
    this.#stream.askBody();
  }

  /** Whether the edge takes a head of this size; one that it does not take would end the link. */
  takes(head: HeaderList): boolean {
    return headSize(head) <= this.#headBytes;
  }

  /** One that the edge would not take is left out: no answer depends on it. */
  interim(head: ResponseHead): void {
    if (this.takes(responseHeadToList(head))) this.#answer({ kind: "interim" }, head);
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

  /** What was queued of the answer gives way to its plain bytes from `offset` on. `tag`: what its head left out. */
  resume(offset: number, codec: number, tag?: string): void {
    this.#stream.send({ kind: "resume", offset, codec, ...(tag !== undefined && { tag }) });
  }

  /**
   * Ends the answer, and with it the exchange: what is still to come of the request's body is refused. Trailers that the
   * edge would not take are left out, as any recipient may do.
   */
  end(how: "complete" | "closed", trailers: HeaderList): void {
    if (trailers.length > 0 && this.takes(trailers)) this.#stream.send({ kind: "trailers", head: trailers });
    this.#stream.send({ kind: "end", how, extensions: NO_EXTENSIONS });
    this.#refuseRest();
  }

  /** Ends this side's half of an upgraded exchange; the visitor's goes on. */
  endHalf(): void {
    this.#stream.send({ kind: "end", how: "complete", extensions: NO_EXTENSIONS });
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
        this.#piece(frame.body);
        return frame.ended ? this.#endOfBody("complete") : undefined;
      case "data":
        return this.#piece(frame.bytes);
      case "segment":
        return this.#segment(frame.proof);
      case "trailers":
        this.#trailers = endToEndTrailers(frame.head);
        return;
      case "end":
        return this.#endOfBody(frame.how);
      case "proved":
      case "askWhole":
        if (this.verdicts.length >= MOST_WAITING_VERDICTS) return this.fail("internal");
        this.verdicts.push({ kind: frame.kind, offset: frame.offset });
        return this.heardVerdict();
      default:
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

  #piece(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    if (this.#bodyRefused) this.#stream.taken(bytes.length);
    else this.#arrived.push(bytes);
  }

  #segment(proof: string): void {
    if (this.coding?.kind !== "streamed")
      throw new LinkError("bad-frame", "a segment in a request that is not coded in segments");
    if (this.#arrived.length >= MOST_WAITING_PIECES) return this.fail("internal");
    if (!this.#bodyRefused) this.#arrived.push({ proof });
  }

  #endOfBody(how: BodyEnd["how"]): void {
    this.#bodyArrived = true;
    this.#arrived.push({ how, trailers: this.#trailers });
  }

  /**
   * The answer is there, and the web server did not want the rest of the request. What is under way is dropped, and its
   * credit given back, or the edge could never get to the end of it.
   */
  #refuseRest(): void {
    if (this.#bodyRefused) return;
    this.#bodyRefused = true;
    while (this.#arrived.length > 0) {
      const waiting = this.#arrived.take();
      if (waiting instanceof Uint8Array) this.#stream.taken(waiting.length);
    }
    this.#arrived.push(GIVEN_UP);
    if (!this.#bodyArrived) this.#stream.stopSending("cancelled");
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
