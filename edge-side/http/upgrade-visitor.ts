/**
 * A visitor of HTTP/1.1 that asks for another protocol on its connection: WebSocket, or any other token. It is one request
 * until the origin server agrees with 101; from there bytes go both ways. Otherwise it gets an ordinary response, and the
 * connection goes on, unless the visitor has begun to speak the other protocol. RFC 9110 section 7.8, SPEC section "Upgrades".
 */
import { type IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { StreamErrorCode } from "../../protocol/errors.ts";
import { breakOff } from "../../protocol/http/break-off.ts";
import { FieldNames } from "../../protocol/http/field-names.ts";
import { endToEnd, fieldOf, type ResponseHead, SWITCHING, withoutFields } from "../../protocol/http/head.ts";
import { type HeaderList, pairsOf } from "../../protocol/http/header-list.ts";
import { InactivityTimer } from "../../protocol/runtime/inactivity-timer.ts";
import { GrowingBytes } from "../../protocol/wire/growing-bytes.ts";
import { UploadBody } from "../exchange/upload-body.ts";
import { logLimit } from "./errors/error-page.ts";
import { Http1Visitor, type VisitorOptions } from "./http1-visitor.ts";
import { LINGER_MS } from "./linger.ts";
import { MOST_EARLY_BYTES } from "./upgrade-body.ts";
import { UpgradedStream } from "./upgraded-stream.ts";
import type { ReadHead } from "./validate-request.ts";

/** A peer that vanished without a word is noticed by the kernel. */
const KEEP_ALIVE_MS = 60_000;
const OF_THE_CONNECTION = new FieldNames(["content-length"]);

/** A request that asks to upgrade. */
export interface UpgradeAsk {
  readonly request: IncomingMessage;
  readonly head: ReadHead;
  /** All of it. */
  readonly body: Buffer | undefined;
  /** What the visitor sent after it, without waiting for the answer. */
  readonly behind: Buffer;
}

export class UpgradeVisitor extends Http1Visitor {
  override readonly upgrade: string;
  readonly #socket: Socket;
  /** Once the connection is upgraded. */
  #tunnel: UpgradedStream | undefined;
  readonly #giveBack: () => void;
  /** What the visitor sends once the origin server has agreed; asked for before. */
  #sends: UploadBody | undefined;
  #switched = false;
  /** What came before the answer. */
  readonly #early = new GrowingBytes();
  /** Of the request, as long as its Content-Length says. */
  readonly #body: Buffer | undefined;
  readonly #hold = (bytes: Buffer): void => {
    this.#early.add(bytes);
    if (this.#early.length > MOST_EARLY_BYTES) this.#socket.pause();
  };

  readonly #socketClosed = (): void => this.left();
  readonly #socketEnded = (): void => {
    if (!this.#switched) this.#socket.destroy();
  };

  /** `giveBack`: the connection is HTTP again, and nothing of this visitor is left on it. */
  constructor({ request, head, body, behind }: UpgradeAsk, options: VisitorOptions, giveBack: () => void) {
    const { socket } = request;
    const response = new ServerResponse(request);
    response.shouldKeepAlive = !CLOSES.test(request.headers.connection ?? "");
    response.assignSocket(socket);
    super(request, response, withLength(head, body), options);
    this.upgrade = request.headers.upgrade ?? "";
    this.#socket = socket;
    this.#body = body;
    this.#early.add(behind);
    this.#giveBack = giveBack;
    socket.on("error", ignored); // "close" follows
    socket.once("close", this.#socketClosed);
    // Read from the beginning, or nobody would notice that the visitor leaves.
    socket.on("data", this.#hold);
    socket.once("end", this.#socketEnded);
    response.once("finish", () => this.#refused());
  }

  /** Whatever comes now is not of this request. */
  override get complete(): boolean {
    return true;
  }

  override get answered(): boolean {
    return this.#switched || super.answered;
  }

  override uploadBody(): UploadBody {
    this.#sends ??= new UploadBody({
      readBody: () => this.#tunnel?.readBody(),
      restBody: () => this.#tunnel?.restBody(),
      dropBody: () => this.#tunnel?.dropBody(),
      bodyLost: () => this.#tunnel?.bodyLost(),
    });
    this.#sends.begin();
    if (this.#body !== undefined) this.#sends.push(this.#body);
    return this.#sends;
  }

  override head(head: ResponseHead): void {
    if (this.answered) return;
    if (head.status === SWITCHING) return this.#switch(head);
    this.#sends?.end([]);
    super.head(head);
  }

  override async body(bytes: Buffer): Promise<void> {
    if (this.#tunnel === undefined) return super.body(bytes);
    this.sentBytes += bytes.length;
    return this.#tunnel.write(bytes);
  }

  override end(trailers: HeaderList): void {
    if (this.#tunnel === undefined) super.end(trailers);
    else this.#tunnel.end();
  }

  override fail(code: StreamErrorCode, cause?: unknown): number {
    if (!this.#switched) return super.fail(code, cause);
    // What the origin server broke off must not look like a half that has ended.
    breakOff(this.#socket);
    return SWITCHING;
  }

  override cut(): void {
    if (this.#switched) breakOff(this.#socket);
    super.cut();
  }

  #switch(head: ResponseHead): void {
    if (this.#sends === undefined) return;
    this.#switched = true;
    this.#socket.setKeepAlive(true, KEEP_ALIVE_MS);
    const taking = new InactivityTimer(this.options.clock, this.options.idleMs, () => {
      logLimit(this.options.log, 408, this.address);
      breakOff(this.#socket);
    });
    this.#tunnel = new UpgradedStream(this.#socket, taking, () => breakOff(this.#socket));
    // Node lets plain connections end by halves, and those of TLS only when told.
    this.#socket.allowHalfOpen = true;
    this.response.detachSocket(this.#socket);
    const fields = pairsOf(withoutFields(endToEnd(head.fields), OF_THE_CONNECTION));
    const lines = fields.map(([name, value]) => `${name}: ${value}\r\n`).join("");
    const becomes = fieldOf(head.fields, "upgrade") ?? this.upgrade;
    this.#socket.write(
      `HTTP/1.1 ${SWITCHING} ${head.reason}\r\n${lines}Connection: Upgrade\r\nUpgrade: ${becomes}\r\n\r\n`,
      "latin1",
    );
    this.#socket.off("data", this.#hold);
    if (this.#early.length > 0) this.#socket.unshift(this.#early.all());
    this.#tunnel.feed(this.#sends);
  }

  /**
   * It stays HTTP. What the visitor has sent already may be another protocol, in which somebody else may have chosen the bytes: it
   * is not read as requests, and the connection ends.
   */
  #refused(): void {
    const silent = this.#early.length === 0 && !this.#socket.readableEnded && this.#socket.writable;
    if (this.response.shouldKeepAlive && silent) return this.#keep();
    const late = this.options.clock.after(LINGER_MS, () => this.#socket.destroy());
    this.#socket.once("close", () => late.cancel());
    this.#socket.off("data", this.#hold);
    this.#socket.resume();
    this.#socket.end();
  }

  #keep(): void {
    const socket = this.#socket;
    socket
      .off("data", this.#hold)
      .off("end", this.#socketEnded)
      .off("close", this.#socketClosed)
      .off("error", ignored);
    this.response.detachSocket(socket);
    // As node does for responses whose connections it has kept itself.
    this.response.emit("close");
    this.#giveBack();
  }
}

/** How long its body is tells where the other protocol begins: on the link, and at the web server. */
const withLength = (head: ReadHead, body: Buffer | undefined): ReadHead => {
  if (body === undefined || fieldOf(head.fields, "content-length") !== undefined) return head;
  return { ...head, fields: [...head.fields, "Content-Length", String(body.length)], repeated: undefined };
};

/** Of Connection: no other request follows. */
const CLOSES = /(?:^|,)\s*close\s*(?:$|,)/i;
const ignored = (): void => {};
