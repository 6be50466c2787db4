/**
 * Reads one direction of a WebSocket from outside (RFC 6455): skips the HTTP head that begins it, hands out the messages
 * unmasked, and counts what is not their payload.
 */

const BINARY = 0x2;
const HEAD_END = "\r\n\r\n";

export class WebSocketTap {
  readonly #message: (payload: Buffer) => void;
  #waiting: Buffer = Buffer.alloc(0);
  #upgraded = false;
  /** HTTP heads, frame headers, and control frames. */
  overheadBytes = 0;

  constructor(message: (payload: Buffer) => void) {
    this.#message = message;
  }

  push(bytes: Buffer): void {
    this.#waiting = Buffer.concat([this.#waiting, bytes]);
    if (!this.#upgraded && !this.#skipHead()) return;
    while (this.#frame());
  }

  #skipHead(): boolean {
    const at = this.#waiting.indexOf(HEAD_END);
    if (at === -1) return false;
    this.#upgraded = true;
    this.#take(at + HEAD_END.length);
    this.overheadBytes += at + HEAD_END.length;
    return true;
  }

  /** One frame, if all of it is there. Messages of a link are never in fragments. */
  #frame(): boolean {
    const bytes = this.#waiting;
    const [first = 0, second = 0] = bytes;
    const masked = (second & 0x80) !== 0;
    const short = second & 0x7f;
    const lengthBytes = short === 126 ? 2 : short === 127 ? 8 : 0;
    const headerBytes = 2 + lengthBytes + (masked ? 4 : 0);
    if (bytes.length < headerBytes) return false;
    const length = lengthBytes === 0 ? short : Number(`0x${bytes.toString("hex", 2, 2 + lengthBytes)}`);
    if (bytes.length < headerBytes + length) return false;
    const payload = Buffer.from(bytes.subarray(headerBytes, headerBytes + length));
    if (masked) unmask(payload, bytes.subarray(headerBytes - 4, headerBytes));
    this.#take(headerBytes + length);
    const isMessage = (first & 0x0f) === BINARY;
    this.overheadBytes += headerBytes + (isMessage ? 0 : length);
    if (isMessage) this.#message(payload);
    return true;
  }

  #take(count: number): void {
    this.#waiting = this.#waiting.subarray(count);
  }
}

const unmask = (payload: Buffer, mask: Buffer): void => {
  for (let at = 0; at < payload.length; at += 1)
    payload[at] = (payload[at] ?? 0) ^ (mask[at % mask.length] ?? 0);
};
