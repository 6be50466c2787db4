/**
 * A visitor's body on its way to the origin side: as it is, or compressed where it gains. A body that is here with its head, or
 * a moment later, leaves in one frame with it; one that comes slowly leaves as it comes. SPEC section "Request bodies".
 */

import { encodeRequest } from "../../protocol/codec/zstd.ts";
import { resultDigest } from "../../protocol/frames/digests.ts";
import {
  MOST_ONE_PIECE_BYTES,
  ONE_PIECE_OVERHEAD_BYTES,
  requestCodingExtension,
} from "../../protocol/frames/request-coding.ts";
import { type HeaderList, NO_FIELDS } from "../../protocol/http/header-list.ts";
import { isIncremental } from "../../protocol/http/incremental.ts";
import { LATE } from "../../protocol/runtime/async-queue.ts";
import { fingerprintOf } from "../../protocol/store/fingerprint.ts";
import { NO_EXTENSIONS } from "../../protocol/wire/extensions.ts";
import { type BodyBeginning, type Exchange, NO_BODY_YET } from "../exchange/exchange.ts";
import type { UploadBody } from "../exchange/upload-body.ts";
import { expectsContinue, type VisitorRequest } from "../exchange/visitor-request.ts";
import { sendCoded, type UploadTarget } from "./compressed-upload.ts";
import { lengthOf, type MayCode, mayCodeRequest } from "./compression-policy.ts";
import type { CodingLink, LentEncoder, RequestCompressorPool } from "./compressor-pool.ts";

/** A body may take this long after its head to leave with it as a whole. */
const WAIT_MS = 5;

const STREAMED: BodyBeginning = {
  extensions: [requestCodingExtension({ kind: "streamed" })],
  body: NO_BODY_YET.body,
};
const NEVER: MayCode = { kind: "never" };

export interface UploadOptions {
  readonly link: CodingLink;
  readonly encoders: RequestCompressorPool;
  /** Whether the host has its requests compressed. */
  readonly compress: boolean;
}

/** How the body leaves: decided by `begin`. */
type Form =
  | { readonly kind: "undecided" }
  | { readonly kind: "plain"; readonly first: readonly Buffer[] }
  | { readonly kind: "coded"; readonly first: readonly Buffer[]; readonly lent: LentEncoder }
  /** It left with the head. */
  | { readonly kind: "whole"; readonly trailers: HeaderList };

const UNDECIDED: Form = { kind: "undecided" };
const PLAIN: Form = { kind: "plain", first: [] };

/** The request half of one exchange. */
export class Upload implements UploadTarget {
  readonly #body: UploadBody;
  readonly #options: UploadOptions;
  readonly #may: MayCode;
  /** It comes later, or is large: nobody waits for all of it. */
  readonly #comesLater: boolean;
  #form = UNDECIDED;
  #exchange: Exchange | undefined;
  #over = false;
  #goOn: (() => void) | undefined;

  constructor(
    request: VisitorRequest & { readonly hasBody: boolean },
    body: UploadBody,
    options: UploadOptions,
  ) {
    this.#body = body;
    this.#options = options;
    this.#may = options.compress && options.encoders.serve(options.link) ? mayCodeRequest(request) : NEVER;
    // Who waits for 100 has to be heard first; RFC 10036: and who says that it comes slowly.
    this.#comesLater =
      expectsContinue(request) ||
      isIncremental(request.fields) ||
      (lengthOf(request.fields) ?? 0) > MOST_ONE_PIECE_BYTES;
  }

  /** What opens the exchange: at once, or with the body that is waited for a moment. */
  begin(): BodyBeginning | Promise<BodyBeginning> {
    if (this.#may.kind !== "never") return this.#comesLater ? this.#streamed([]) : this.#gathered(this.#may);
    this.#form = PLAIN;
    return NO_BODY_YET;
  }

  /** Sends the rest, no faster than it is taken, beside the answer. Never throws. */
  send(exchange: Exchange): void {
    this.#exchange = exchange;
    const form = this.#form;
    if (form.kind === "whole") exchange.endBody("complete", form.trailers);
    else if (form.kind === "plain") void this.#sendPlain(form.first, exchange);
    else if (form.kind === "coded") {
      const { clock } = this.#options.encoders;
      const { first, lent } = form;
      void sendCoded(this, { first, body: this.#body, encoder: lent.encoder, clock });
    }
  }

  /** The web server has the request, or it goes nowhere any more: no other link gets it. */
  settled(): void {
    this.#body.forget();
  }

  /** Bytes of the body as the visitor sent them, as far as they were read. */
  get bytes(): number {
    return this.#body.bytes;
  }

  /** Nothing of the exchange is left. */
  release(): void {
    if (this.#form.kind === "coded") this.#form.lent.release();
  }

  // What the exchange tells.

  room(): void {
    this.#goOn?.();
  }

  refused(): void {
    if (this.#over) return;
    this.#end();
    this.#body.drop();
    this.#exchange?.endBody("closed", NO_FIELDS);
  }

  lost(): void {
    this.#end();
    this.#body.lost();
  }

  // What the compressor brings.

  async data(coded: Buffer): Promise<void> {
    if (this.#over || this.#exchange === undefined || this.#exchange.sendBody(coded)) return;
    await this.#whenRoom();
  }

  segment(digest: string): void {
    if (!this.#over) this.#exchange?.segment(digest);
  }

  complete(trailers: HeaderList): void {
    if (!this.#over) this.#exchange?.endBody("complete", trailers);
  }

  failed(): void {
    if (!this.#over) this.#exchange?.cancel("internal");
  }

  async #sendPlain(first: readonly Buffer[], exchange: Exchange): Promise<void> {
    let room = true;
    for (const piece of first) room = exchange.sendBody(piece);
    for (;;) {
      if (!room) await this.#whenRoom();
      const next = this.#body.take() ?? (await this.#body.next());
      if (next === undefined) return;
      if (!Buffer.isBuffer(next)) return exchange.endBody("complete", next.trailers);
      room = exchange.sendBody(next);
    }
  }

  #whenRoom(): Promise<void> {
    if (this.#over) return Promise.resolve();
    this.#body.rest();
    return new Promise((resolve) => {
      this.#goOn = resolve;
    });
  }

  /** Waits for all of a small body, but not for long. */
  async #gathered(may: Extract<MayCode, { kind: "may" }>): Promise<BodyBeginning> {
    const { encoders, link } = this.#options;
    const { clock } = encoders;
    const until = clock.now() + WAIT_MS;
    const lease = encoders.lease(link);
    const pieces: Buffer[] = [];
    try {
      for (let bytes = 0; bytes <= MOST_ONE_PIECE_BYTES; ) {
        const next = this.#body.take() ?? (await this.#body.nextWithin(clock, until - clock.now()));
        if (next === LATE || next === undefined) break;
        if (!Buffer.isBuffer(next)) return this.#whole(Buffer.concat(pieces), next.trailers, may.leastBytes);
        pieces.push(next);
        bytes += next.length;
        if (!lease.grow(next.length)) break;
      }
    } finally {
      lease.release();
    }
    return this.#streamed(pieces);
  }

  #whole(body: Buffer, trailers: HeaderList, leastBytes: number): BodyBeginning {
    this.#form = { kind: "whole", trailers };
    const coded = body.length < leastBytes ? body : encodeRequest(body);
    if (coded.length + ONE_PIECE_OVERHEAD_BYTES >= body.length) return { extensions: NO_EXTENSIONS, body };
    const result = resultDigest(fingerprintOf(body));
    const coding = requestCodingExtension({ kind: "buffered", size: body.length, result });
    return { extensions: [coding], body: coded };
  }

  /** `first` is sent, and the rest as it comes. */
  #streamed(first: readonly Buffer[]): BodyBeginning {
    const { encoders, link } = this.#options;
    const streams = !this.#over && this.#may.kind === "may" && this.#may.streamed;
    const lent = streams ? encoders.take(link) : undefined;
    this.#form = lent === undefined ? { kind: "plain", first } : { kind: "coded", first, lent };
    return lent === undefined ? NO_BODY_YET : STREAMED;
  }

  #end(): void {
    this.#over = true;
    if (this.#form.kind === "coded") this.#form.lent.encoder.destroy();
    this.#goOn?.();
  }
}
