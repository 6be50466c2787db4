/**
 * A visitor's body on its way to the origin side: as it is, or compressed where it gains. A body that is here with its head, or
 * a moment later, leaves in one frame with it; one that comes slowly leaves as it comes. SPEC section "Request bodies".
 */

import { encodeRequest } from "../../protocol/codec/zstd.ts";
import { DIGEST_BYTES } from "../../protocol/frames/frame.ts";
import {
  MOST_ONE_PIECE_BYTES,
  ONE_PIECE_OVERHEAD_BYTES,
  requestCodingExtension,
} from "../../protocol/frames/request-coding.ts";
import type { HeaderList } from "../../protocol/http/header-list.ts";
import type { Timer } from "../../protocol/runtime/clock.ts";
import type { Lease } from "../../protocol/runtime/memory-budget.ts";
import { fingerprintOf } from "../../protocol/store/fingerprint.ts";
import type { OutgoingExchange } from "../exchange/outgoing-exchange.ts";
import type { BodySink, Visitor, Waiting } from "../exchange/visitor.ts";
import { expectsContinue } from "../exchange/visitor-request.ts";
import { CodedUpload } from "./compressed-upload.ts";
import { lengthOf, type MayCode, mayCodeRequest } from "./compression-policy.ts";
import type { CodingLink, RequestEncoders } from "./compressor-pool.ts";

/** A body may take this long after its head to leave in one piece. */
const PATIENCE_MS = 5;

const STREAMED = [requestCodingExtension({ kind: "streamed" })];

/** Opens the exchange, at once or with the body that it waits a moment for. */
export const sendRequestBody = (
  visitor: Visitor,
  exchange: OutgoingExchange,
  waiting: Waiting,
  given: { readonly link: CodingLink; readonly encoders: RequestEncoders },
): void => {
  const may = given.encoders.serve(visitor.host, given.link) ? mayCodeRequest(visitor) : NEVER;
  if (may.kind === "never") {
    exchange.begin();
    return visitor.sendBody(exchange, waiting);
  }
  const length = lengthOf(visitor.fields);
  const body = new CodableBody(exchange, may, given);
  visitor.sendBody(body, waiting);
  // Who waits for 100 has to be heard first; and a large body will not be here in a moment.
  if (expectsContinue(visitor) || (length !== undefined && length > MOST_ONE_PIECE_BYTES)) body.stream();
};

const NEVER: MayCode = { kind: "never" };

interface BodyGiven {
  readonly link: CodingLink;
  readonly encoders: RequestEncoders;
}

class CodableBody implements BodySink {
  roomForBody: () => void = () => {};
  bodyRefused: () => void = () => {};
  lost: () => void = () => {};
  readonly #exchange: OutgoingExchange;
  readonly #may: Extract<MayCode, { kind: "may" }>;
  readonly #link: CodingLink;
  readonly #encoders: RequestEncoders;
  readonly #lease: Lease;
  readonly #patience: Timer;
  /** What came before it was decided how to send it; undefined after. */
  #gathered: Buffer[] | undefined = [];
  #bytes = 0;
  #upload: CodedUpload | undefined;

  constructor(exchange: OutgoingExchange, may: Extract<MayCode, { kind: "may" }>, given: BodyGiven) {
    this.#exchange = exchange;
    this.#may = may;
    this.#link = given.link;
    this.#encoders = given.encoders;
    this.#lease = given.encoders.lease(given.link);
    this.#patience = given.encoders.clock.after(PATIENCE_MS, () => this.stream());
    exchange.roomForBody = () => this.roomForBody();
    exchange.bodyRefused = () => this.bodyRefused();
    exchange.lost = () => {
      this.#decided();
      this.#upload?.stop();
      this.lost();
    };
  }

  sendBody(piece: Buffer): boolean {
    this.#bytes += piece.length;
    this.#exchange.plainRequestBytes = this.#bytes;
    if (this.#gathered === undefined) return this.#sendOn(piece);
    this.#gathered.push(piece);
    return this.#lease.grow(piece.length) && this.#bytes <= MOST_ONE_PIECE_BYTES ? true : this.stream();
  }

  endBody(how: "complete" | "closed", trailers: HeaderList): void {
    if (this.#gathered !== undefined && how === "complete") {
      return this.#sendWhole(Buffer.concat(this.#decided()), trailers);
    }
    this.stream();
    if (this.#upload === undefined) this.#exchange.endBody(how, trailers);
    else this.#upload.end(how, trailers);
  }

  /** Sends what is here, and the rest as it comes. False when the visitor should wait for room. */
  stream(): boolean {
    if (this.#gathered === undefined) return true;
    const pieces = this.#decided();
    const lent = this.#may.streamed ? this.#encoders.take(this.#link) : undefined;
    if (lent === undefined) this.#exchange.begin();
    else {
      const { clock } = this.#encoders;
      this.#exchange.over = () => lent.release();
      this.#upload = new CodedUpload(this.#exchange, lent, { clock, room: () => this.roomForBody() });
      // Last: an exchange that is lost in the attempt stops the upload.
      this.#exchange.begin({ extensions: STREAMED });
    }
    let room = true;
    for (const piece of pieces) room = this.#sendOn(piece);
    return room;
  }

  #sendWhole(body: Buffer, trailers: HeaderList): void {
    const coded = body.length < this.#may.leastBytes ? body : encodeRequest(body);
    if (coded.length + ONE_PIECE_OVERHEAD_BYTES < body.length) {
      const result = fingerprintOf(body).slice(0, DIGEST_BYTES);
      const coding = requestCodingExtension({ kind: "onePiece", size: body.length, result });
      this.#exchange.begin({ extensions: [coding], body: coded });
    } else this.#exchange.begin({ body });
    this.#exchange.endBody("complete", trailers);
  }

  #sendOn(piece: Buffer): boolean {
    return this.#upload === undefined ? this.#exchange.sendBody(piece) : this.#upload.push(piece);
  }

  /** Nothing is gathered any more; gives what was. */
  #decided(): readonly Buffer[] {
    const pieces = this.#gathered ?? [];
    this.#gathered = undefined;
    this.#patience.cancel();
    this.#lease.release();
    return pieces;
  }
}
