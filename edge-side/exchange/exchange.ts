/**
 * One exchange as the edge sees it, and the only way from a visit to a link: a request with what is here of its body opens it,
 * frames of the answer come in order. They wait here until they are asked for, and window returns only for what was taken, so a
 * slow visitor holds nothing but its own stream. SPEC section "Streams".
 */

import { StreamError, type StreamErrorCode } from "../../protocol/errors.ts";
import { answerSizesExtension } from "../../protocol/frames/answer-sizes.ts";
import type { AnswerFrame, StreamFrame, StreamId } from "../../protocol/frames/frame.ts";
import { MIXED_SPLICES, NOT_MIXED } from "../../protocol/frames/mixed-splices.ts";
import { requestIdExtension } from "../../protocol/frames/observed.ts";
import { visitorConnectionExtension } from "../../protocol/frames/visitor-connection.ts";
import { wholeUnitsExtension } from "../../protocol/frames/whole-units.ts";
import type { HeaderList } from "../../protocol/http/header-list.ts";
import { Inbox } from "../../protocol/link/inbox.ts";
import type { Link } from "../../protocol/link/link-api.ts";
import type { Stream, StreamReceiver } from "../../protocol/link/stream.ts";
import { LONG_PAGES, MANY_LONG_PAGES } from "../../protocol/mixing/long-pages.ts";
import { type Extension, NO_EXTENSIONS } from "../../protocol/wire/extensions.ts";
import type { Offering } from "./offers.ts";

/**
 * Bytes of the interim heads of one answer; at one a second, as origin sides send them after the first hundred, enough for hours.
 * @internal
 */
export const MOST_INTERIM_BYTES = 4 * 1024 * 1024;
/** Of a head, beside its bytes: what the smallest costs. @internal */
export const INTERIM_HEAD_BYTES = 64;

/** What leaves with the head of a request: how its body is coded, and what is here of it. */
export interface BodyBeginning {
  readonly extensions: readonly Extension[];
  readonly body: Uint8Array;
  /** That is all of it, and there are no trailers. */
  readonly ended?: true;
}

export const NO_BODY_YET: BodyBeginning = { extensions: NO_EXTENSIONS, body: new Uint8Array(0) };
/** Of a request that has none. */
export const NO_BODY: BodyBeginning = { ...NO_BODY_YET, ended: true };

/**
 * How busy an edge may be to have time for mixed splices: to undo one takes up to 5 ms at once, which others need at a higher load.
 * Above it an origin side, which takes as long to make them, mostly makes none either. @internal
 */
export const MIXED_UP_TO_LOAD = 0.6;

export interface ExchangeRequest {
  /** As requestHeadToList makes it. */
  readonly head: HeaderList;
  readonly offering: Offering;
  /** What it offers is told later, by `offer`. */
  readonly offersFollow?: boolean;
  readonly session: boolean;
  /** The visitor is known by the address alone. */
  readonly addressed: boolean;
  readonly urgency: number;
  readonly incremental: boolean;
  /** The number of the visitor's connection, where the origin side has to know it (visitor-connection). */
  readonly visitorConnection: number | undefined;
  /** The id that both sides' logs have, where its fields do not have it. */
  readonly madeId: string | undefined;
  /** How long the origin side took is to be told. */
  readonly timings: boolean;
  /** How busy this side is, from 0 to 1. */
  readonly load: number;
  /** More of it follows by `sendBody`, and its end by `endBody`. */
  readonly beginning: BodyBeginning;
}

/** What an exchange tells whoever opened it. */
export interface ExchangeEvents {
  /** An interim (1xx) head. Throws StreamError for one that cannot go on, and the exchange ends with it. */
  interim(answer: AnswerFrame): void;
  /** More of the request's body may be sent, after `sendBody` gave false. */
  room(): void;
  /** The origin side does not want the rest of the request's body. */
  refused(): void;
  /** It has ended early, by whomever. */
  lost(): void;
  /** The origin side has gone silent. */
  suspect(): void;
}

/** Opens an exchange on a link that accepts one. */
export const openExchange = (link: Link, request: ExchangeRequest, events: ExchangeEvents): Exchange => {
  const { head, offering, session, addressed, timings, urgency, incremental, beginning } = request;
  const { body, ended = false } = beginning;
  const stream = link.open({
    kind: "open",
    ended,
    session,
    addressed: addressed || undefined,
    timings,
    urgency,
    incremental,
    head,
    offers: offering.offers,
    offersFollow: request.offersFollow || undefined,
    extensions: extensionsOf(request, link),
    body,
  });
  return new Exchange(stream, beginning, events);
};

/** Adds what a frame says of what it offers; as a rule nothing. */
const addExtensions = (extensions: Extension[], { sizes, wholeUnits }: Offering): void => {
  if (sizes !== undefined) extensions.push(answerSizesExtension(sizes));
  if (wholeUnits !== 0) extensions.push(wholeUnitsExtension(wholeUnits));
};

/** As a rule there are none. */
const extensionsOf = (request: ExchangeRequest, link: Link): readonly Extension[] => {
  const { beginning, offering, visitorConnection, madeId, load } = request;
  const extensions: Extension[] = beginning.extensions.slice();
  if (visitorConnection !== undefined) extensions.push(visitorConnectionExtension(visitorConnection));
  addExtensions(extensions, offering);
  if (madeId !== undefined) extensions.push(requestIdExtension(madeId));
  const isBusy = load > MIXED_UP_TO_LOAD || LONG_PAGES.waiting >= MANY_LONG_PAGES;
  if (isBusy && link.peer.features.includes(MIXED_SPLICES)) extensions.push(NOT_MIXED);
  return extensions;
};

export class Exchange implements StreamReceiver {
  readonly #stream: Stream;
  readonly #events: ExchangeEvents;
  /** Data as its bytes, so that small frames become one. */
  readonly #arrived: Inbox<Buffer, StreamFrame>;
  /** `sending`: the request's body has not ended. `asked`: it has. An error: all of it ended early. */
  #phase: "sending" | "asked" | StreamError;
  #interimBytes = 0;
  /** Payload bytes of the answer's frames but the HTTP heads, SPEC section "Frames". Written here alone, as the next one. */
  answerBytes = 0;
  /** Bytes of the request's body on the link. */
  requestBytes: number;

  constructor(stream: Stream, { body, ended }: BodyBeginning, events: ExchangeEvents) {
    this.#stream = stream;
    this.#arrived = new Inbox(() => stream.lease());
    this.#phase = ended ? "asked" : "sending";
    this.requestBytes = body.length;
    this.#events = events;
    stream.listen(this);
  }

  /** The number on its link; 0 before the request has left. */
  get streamId(): number {
    return this.#stream.id ?? 0;
  }

  /** Names what a request offers whose offers follow; once. */
  offer(offering: Offering): void {
    const extensions: Extension[] = [];
    addExtensions(extensions, offering);
    this.#stream.send({ kind: "offers", offers: offering.offers, extensions });
  }

  /** Queues a piece of the request's body; false when the sender should wait for `room`. */
  sendBody(bytes: Uint8Array): boolean {
    if (this.#phase !== "sending") return true;
    this.requestBytes += bytes.length;
    this.#stream.send({ kind: "data", bytes });
    return this.#stream.hasRoom;
  }

  /** Tells the digest of a coded body as far as it was sent. */
  segment(digest: string): void {
    if (this.#phase === "sending") this.#stream.send({ kind: "segment", digest });
  }

  /** `closed`: the body was given up before its end. */
  endBody(how: "complete" | "closed", trailers: HeaderList): void {
    if (this.#phase !== "sending") return;
    this.#phase = "asked";
    if (trailers.length > 0) this.#stream.send({ kind: "trailers", head: trailers });
    this.#stream.send({ kind: "end", how, extensions: NO_EXTENSIONS });
  }

  /** The final head of the answer. Rejects with StreamError when there is none. */
  async answer(): Promise<AnswerFrame> {
    const next = await this.#arrived.next();
    if (Buffer.isBuffer(next) || next.kind !== "answer")
      throw new StreamError(
        "internal",
        `${"kind" in next ? next.kind : "data"} before the head of an answer`,
      );
    return next;
  }

  /** The next frame of the answer's body; rejects with StreamError when the exchange ends early. */
  async next(): Promise<StreamFrame> {
    const next = await this.#arrived.next();
    return Buffer.isBuffer(next) ? { kind: "data", streamId: this.streamId as StreamId, bytes: next } : next;
  }

  /** The data that is here already and comes next; undefined if there is none. */
  moreData(): Buffer | undefined {
    const next = this.#arrived.peek();
    if (!Buffer.isBuffer(next)) return undefined;
    this.#arrived.take();
    return next;
  }

  /** So many bytes of the answer's body are done with. */
  taken(bytes: number): void {
    this.#stream.taken(bytes);
  }

  verified(offset: number, all: boolean): void {
    this.#stream.verified(offset, all);
  }

  askWhole(offset: number): void {
    this.#stream.askWhole(offset);
  }

  /** Gives the exchange up, if it is not over. */
  cancel(code: StreamErrorCode): void {
    this.#stream.reset(code);
    this.reset(code);
  }

  /** Throws what it ended early with, if it did. */
  stillWanted(): void {
    if (this.#phase instanceof StreamError) throw this.#phase;
  }

  /** Whether its head may have reached the origin side. */
  get hasLeft(): boolean {
    return this.#stream.id !== undefined;
  }

  /** Gives it up as if its link were lost: that is what it looks like. */
  abandon(): void {
    const code = this.hasLeft ? "link-lost" : "refused";
    this.#stream.reset("cancelled");
    this.reset(code);
  }

  // From here on: called by the stream.

  frame(frame: StreamFrame, payloadBytes: number): void {
    if (this.#phase instanceof StreamError) return;
    if (frame.kind === "stopSending") return this.#events.refused();
    this.answerBytes += payloadBytes - headBytes(frame, payloadBytes);
    if (frame.kind === "answer" && frame.form.kind === "interim") this.#interim(frame);
    else if (!this.#arrived.accept(frame.kind === "data" ? (frame.bytes as Buffer) : frame))
      this.#end(
        new StreamError("internal", "no room in memory.perKey for the frames that wait for the visitor"),
      );
  }

  reset(said: StreamErrorCode): void {
    // Behind an interim head the web server may have it: a peer that refuses then is wrong, and nothing with effects goes elsewhere.
    const code = said === "refused" && this.#interimBytes > 0 ? "link-lost" : said;
    this.#lose(new StreamError(code, `the exchange ended: ${code}`));
  }

  room(): void {
    this.#events.room();
  }

  suspect(): void {
    this.#events.suspect();
  }

  #interim(frame: AnswerFrame): void {
    try {
      this.#interimBytes += INTERIM_HEAD_BYTES + bytesOf(frame.head);
      if (this.#interimBytes > MOST_INTERIM_BYTES)
        throw new StreamError("internal", `more than ${MOST_INTERIM_BYTES} bytes of interim heads`);
      this.#events.interim(frame);
    } catch (cause) {
      this.#end(cause instanceof StreamError ? cause : new StreamError("internal", String(cause), { cause }));
    }
  }

  #end(error: StreamError): void {
    this.#stream.reset(error.code);
    this.#lose(error);
  }

  #lose(error: StreamError): void {
    this.#phase = error;
    this.#arrived.fail(error);
    this.#events.lost();
  }
}

const headBytes = (frame: StreamFrame, payloadBytes: number): number => {
  if (frame.kind === "answer") return frame.blockBytes;
  return frame.kind === "trailers" ? payloadBytes : 0;
};

const bytesOf = (head: HeaderList): number => head.reduce((bytes, text) => bytes + text.length, 0);
