/**
 * One exchange as the origin side sees it: the request with its body, the answer going out, and what the edge says of it.
 * Frames become method calls here, so that the story in answer-edge speaks of pages. SPEC section "Streams".
 */

import { LinkError, StreamError, type StreamErrorCode } from "../../protocol/errors.ts";
import type { AnswerSizes } from "../../protocol/frames/answer-sizes.ts";
import type {
  AnswerForm,
  OffersFrame,
  OpenFrame,
  StreamFrame,
  StreamId,
} from "../../protocol/frames/frame.ts";
import { timingsExtension } from "../../protocol/frames/observed.ts";
import type { RequestCoding } from "../../protocol/frames/request-coding.ts";
import {
  endToEndTrailers,
  type RequestHead,
  type ResponseHead,
  responseHeadToList,
} from "../../protocol/http/head.ts";
import type { HeaderList } from "../../protocol/http/header-list.ts";
import { requestIdOn } from "../../protocol/link/link-label.ts";
import { headSize } from "../../protocol/link/send-queue.ts";
import type { Stream, StreamReceiver } from "../../protocol/link/stream.ts";
import { AsyncQueue } from "../../protocol/runtime/async-queue.ts";
import type { BodyEnd, RequestBody } from "../../protocol/upstream/body.ts";
import { type Extension, NO_EXTENSIONS } from "../../protocol/wire/extensions.ts";
import type { CodedBody } from "./coded-body.ts";
import { LaterOffers } from "./later-offers.ts";
import { type ExchangeLimits, readRequest, refuseUnagreed, saidBy } from "./read-request.ts";
import { Upload } from "./upload.ts";

const NO_BYTES = new Uint8Array(0);

/** Most acknowledgements that may wait; no honest edge has more to say about one answer. @internal */
export const MOST_WAITING_ACKNOWLEDGEMENTS = 64;

/** What the edge says about an answer that needs it: right up to `offset`, or to come again from there on as it is. */
export type Acknowledgement = { readonly kind: "verified" | "askWhole"; readonly offset: number };

export class IncomingExchange implements StreamReceiver {
  readonly streamId: StreamId;
  /** With the offers that follow it, once they are named. */
  open: OpenFrame;
  readonly request: RequestHead;
  /** The Host field; empty where there is none. */
  readonly host: string;
  /** In both sides' logs; undefined: the request brings none, and the edge made none. */
  readonly id: string | undefined;
  /**
   * How long the web server took, milliseconds from the request's arrival; told to the edge with the answer's head. Undefined before
   * there is a response, and where the edge does not ask.
   */
  originMs: number | undefined;
  /** How the request's body is coded; undefined: it is as it is. */
  readonly coding: RequestCoding | undefined;
  /** Of the visitor, see visitor-connection; undefined: the request has nothing to do with a login of connections. */
  readonly visitorConnection: number | undefined;
  /** What the answer's size may tell; undefined: it does not matter. */
  sizes: AnswerSizes | undefined;
  /** Of which offers the answer copies whole units only: bit i is set for offer i. */
  wholeUnits: number;
  /** Undefined: the open frame says what is offered. */
  readonly laterOffers: LaterOffers | undefined;
  /** In the order in which they came. */
  readonly acknowledgements = new AsyncQueue<Acknowledgement>();
  readonly #stream: Stream;
  readonly #headBytes: number;
  readonly #ending = new AbortController();
  /** Fires when the edge gave the exchange up, or the link is lost. Its reason is a StreamError. */
  readonly gone = this.#ending.signal;
  /** The request's body; undefined where it has none. */
  readonly #upload: Upload | undefined;
  /** Bytes of body that were queued so far, as they cross the link. Written here alone. */
  sentBytes = 0;
  #roomAgain: (() => void) | undefined;

  /**
   * Throws StreamError for a head without method or target, and LinkError for what the hellos did not agree on, and a coded
   * request that asks for an upgrade.
   */
  constructor(stream: Stream, open: OpenFrame, limits: ExchangeLimits) {
    this.#stream = stream;
    this.#headBytes = limits.headBytes;
    this.open = open;
    this.streamId = open.streamId;
    const read = readRequest(open.head);
    this.request = read.request;
    this.host = read.host;
    const said = saidBy(open.extensions);
    this.id = said.id ?? read.ownId ?? (open.timings ? requestIdOn(limits, open.streamId) : undefined);
    ({ coding: this.coding, visitorConnection: this.visitorConnection } = said);
    ({ sizes: this.sizes, wholeUnits: this.wholeUnits } = said);
    this.laterOffers = open.offersFollow ? new LaterOffers() : undefined;
    if (this.coding !== undefined || this.laterOffers !== undefined) refuseUnagreed(this, limits);
    this.#upload =
      open.ended && open.body.length === 0
        ? undefined
        : new Upload(stream, (why) => this.fail("internal", why));
    stream.listen(this);
  }

  /** What is sent now waits behind what others have sent. */
  get linkIsFull(): boolean {
    return this.#stream.linkIsFull;
  }

  /** The request's body, to be read once; undefined where there is none. Window goes back as it is taken. */
  body(): RequestBody | undefined {
    return this.#upload === undefined ? undefined : this.upgradedBody();
  }

  /** What the visitor sends once the exchange is upgraded. */
  upgradedBody(): RequestBody {
    // Without a coding there are no digests among it: `frame` sees to that.
    return this.codedBody() as RequestBody;
  }

  /** The request's body as it crosses the link, where it is coded. */
  codedBody(): CodedBody {
    if (this.#upload !== undefined) return this.#upload;
    const none = new Upload(this.#stream, () => {});
    none.end("complete");
    return none;
  }

  /** Left out if the edge would not take it: no answer depends on it. */
  interim(head: ResponseHead): void {
    const list = responseHeadToList(head);
    if (this.#takes(list)) this.#answer({ kind: "interim" }, list, NO_BYTES, false);
  }

  /** The head of an answer whose body follows. Throws StreamError where the edge would not take it. */
  answer(form: AnswerForm, head: ResponseHead): void {
    this.#answer(form, this.#headFor(head), NO_BYTES, false);
  }

  /**
   * A whole answer, in one frame if it fits; what is still to come of the request is refused. Resolves as `data` does. Throws
   * StreamError where the edge would not take the head.
   */
  answerInFull(
    form: AnswerForm,
    head: ResponseHead,
    body: Uint8Array,
    end: BodyEnd,
    extensions: readonly Extension[] = NO_EXTENSIONS,
  ): Promise<void> | undefined {
    this.sentBytes += body.length;
    const ended = end.how === "complete" && end.trailers.length === 0;
    const hasRoom = this.#answer(form, this.#headFor(head), body, ended, extensions);
    if (ended) this.#upload?.refuse();
    else this.end(end);
    return this.#drained(hasRoom);
  }

  /** Queues a piece of the body. Undefined, or resolves, when there is room for more. Throws, or rejects with, the reason of `gone`. */
  data(bytes: Uint8Array): Promise<void> | undefined {
    this.sentBytes += bytes.length;
    return this.#drained(this.#stream.send({ kind: "data", bytes }));
  }

  segment(digest: string): void {
    this.#stream.send({ kind: "segment", digest });
  }

  /** What was queued of the answer gives way to its plain bytes from `offset` on. `tag`: what its head left out. */
  resume(offset: number, codec: number, tag?: string): void {
    this.#stream.send({ kind: "resume", offset, codec, ...(tag !== undefined && { tag }) });
  }

  /**
   * Ends the answer, and with it the exchange: what is still to come of the request's body is refused. Trailers that the
   * edge would not take are left out, as any recipient may do.
   */
  end({ how, trailers }: BodyEnd, extensions: readonly Extension[] = NO_EXTENSIONS): void {
    if (trailers.length > 0 && this.#takes(trailers)) this.#stream.send({ kind: "trailers", head: trailers });
    this.#stream.send({ kind: "end", how, extensions });
    this.#upload?.refuse();
  }

  /** Ends this side's half of an upgraded exchange; the visitor's goes on. */
  endHalf(): void {
    this.#stream.send({ kind: "end", how: "complete", extensions: NO_EXTENSIONS });
  }

  /** The edge has the whole answer. */
  settled(): void {
    this.#stream.answerVerified();
  }

  fail(code: StreamErrorCode, why?: string): void {
    this.#stream.reset(code);
    this.#leave(code, why);
  }

  // From here on: called by the stream.

  frame(frame: StreamFrame): void {
    switch (frame.kind) {
      case "open":
        this.#upload?.piece(frame.body);
        return frame.ended ? this.#upload?.end("complete") : undefined;
      case "data":
        return this.#upload?.piece(frame.bytes);
      case "segment":
        return this.#segment(frame.digest);
      case "trailers":
        return this.#upload?.trailers(endToEndTrailers(frame.head));
      case "end":
        return this.#upload?.end(frame.how);
      case "offers":
        return this.#offer(frame);
      case "verified":
      case "askWhole":
        if (this.acknowledgements.length >= MOST_WAITING_ACKNOWLEDGEMENTS)
          return this.fail("internal", "more acknowledgements than one answer can have");
        return this.acknowledgements.push({ kind: frame.kind, offset: frame.offset });
      default:
    }
  }

  reset(code: StreamErrorCode): void {
    this.#leave(code);
  }

  room(): void {
    this.#roomAgain?.();
  }

  #headFor(head: ResponseHead): HeaderList {
    const list = responseHeadToList(head);
    if (this.#takes(list)) return list;
    throw new StreamError(
      "origin-failed",
      "a response head larger than limits.headBytes of one of the two sides",
    );
  }

  /** Whether the edge takes a head of this size; one that it does not take would end the link. */
  #takes(head: HeaderList): boolean {
    return headSize(head) <= this.#headBytes;
  }

  #answer(
    form: AnswerForm,
    head: HeaderList,
    body: Uint8Array,
    ended: boolean,
    extensions: readonly Extension[] = NO_EXTENSIONS,
  ): boolean {
    const { originMs } = this;
    const all = originMs === undefined ? extensions : [...extensions, timingsExtension({ originMs })];
    return this.#stream.send({ kind: "answer", ended, form, head, blockBytes: 0, extensions: all, body });
  }

  #drained(hasRoom: boolean): Promise<void> | undefined {
    this.gone.throwIfAborted();
    return hasRoom ? undefined : this.#untilDrained();
  }

  async #untilDrained(): Promise<void> {
    while (!this.#stream.hasRoom && !this.#stream.closed) {
      await new Promise<void>((resolve) => {
        this.#roomAgain = resolve;
      });
    }
    this.gone.throwIfAborted();
  }

  #offer(frame: OffersFrame): void {
    if (this.laterOffers === undefined) throw new LinkError("bad-frame", "offers that were not promised");
    this.open = this.laterOffers.taken(this.open, frame);
    ({ sizes: this.sizes, wholeUnits: this.wholeUnits } = saidBy(this.open.extensions));
  }

  #segment(digest: string): void {
    if (this.coding?.kind !== "streamed")
      throw new LinkError("bad-frame", "a segment in a request that is not coded in segments");
    this.#upload?.digest(digest);
  }

  #leave(code: StreamErrorCode, why: string = `the exchange ended: ${code}`): void {
    const error = new StreamError(code, why);
    this.#ending.abort(error);
    this.#upload?.fail(error);
    this.acknowledgements.fail(error);
    this.laterOffers?.giveUp();
    this.#roomAgain?.();
  }
}
