/** Frames and header blocks of HTTP/2 by hand, and a web server that answers with them. RFC 9113 section 4.1, RFC 7541 section 6. */
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { HeaderBlocks } from "../../protocol/http2/header-blocks.ts";

export const [DATA, HEADERS, SETTINGS, PING, CONTINUATION] = [0, 1, 4, 6, 9];
export const [END_STREAM, END_HEADERS, PADDED, PRIORITY] = [1, 4, 8, 32];
export const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

export const frame = (
  type: number,
  flags: number,
  stream: number,
  payload: readonly number[] = [],
): Buffer => {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, Buffer.from(payload)]);
};

const text = (latin1: string): number[] => [latin1.length, ...Buffer.from(latin1, "latin1")];

/** A field that enters no table; `into`: 0x40 for one that does. Of less than 127 bytes each. */
export const literal = (name: string, value: string, into = 0): number[] => [
  into,
  ...text(name),
  ...text(value),
];

/** A web server of HTTP/2 that answers each request, once its head is there, with bytes. */
export class RawHttp2Web implements AsyncDisposable {
  readonly #server = createServer((socket) => this.#serve(socket));
  readonly #answer: (stream: number) => readonly Buffer[];
  readonly #sockets: Socket[] = [];

  /** Of all connections. */
  receivedBytes = 0;

  static async listen(answer: (stream: number) => readonly Buffer[]): Promise<RawHttp2Web> {
    const web = new RawHttp2Web(answer);
    web.#server.listen(0, "127.0.0.1");
    await once(web.#server, "listening");
    return web;
  }

  private constructor(answer: (stream: number) => readonly Buffer[]) {
    this.#answer = answer;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Connections so far. */
  get count(): number {
    return this.#sockets.length;
  }

  #serve(socket: Socket): void {
    this.#sockets.push(socket);
    socket.on("error", () => {});
    socket.write(frame(SETTINGS, 0, 0));
    const blockEnds = (stream: number) => void socket.write(Buffer.concat(this.#answer(stream)));
    const blocks = new HeaderBlocks({ blockBegins() {}, blockGoesOn() {}, blockEnds }, PREFACE.length);
    socket.on("data", (bytes: Buffer) => {
      this.receivedBytes += bytes.length;
      blocks.read(bytes);
    });
  }

  /** On every connection. */
  say(bytes: Buffer): void {
    for (const socket of this.#sockets) socket.write(bytes);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, "close");
  }
}
