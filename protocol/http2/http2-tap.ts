/**
 * What node's HTTP/2 takes for its connection: the socket of a peer, whose bytes are read as they come. With something else than a
 * socket, node reads and writes through JavaScript; what it writes at once leaves at once.
 */
import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import { TLSSocket } from "node:tls";

/** GOAWAY without an error, and the last stream that there can be: no request is too late yet (RFC 9113 section 6.8). */
const END_IS_NEAR = Buffer.from("0000080700000000007fffffff00000000", "hex");

/** Reads along. False: the connection is to end. */
export interface TapReader {
  read(bytes: Buffer): boolean;
}

type Done = (error?: Error | null) => void;

export class Http2Tap extends Duplex {
  readonly #socket: Socket;
  #rests = false;

  constructor(socket: Socket, reader: TapReader) {
    super();
    this.#socket = socket;
    // As node does with a socket.
    if (socket instanceof TLSSocket) socket.disableRenegotiation();
    socket.setNoDelay(true);
    socket.on("data", (bytes: Buffer) => {
      if (!reader.read(bytes)) this.destroy();
      else if (!this.push(bytes)) socket.pause();
    });
    socket.once("end", () => this.push(null));
    socket.on("error", (error) => this.destroy(error));
    socket.once("close", () => this.destroy());
  }

  rest(): void {
    this.#rests = true;
    this.#socket.pause();
  }

  goOn(): void {
    this.#rests = false;
    this.#socket.resume();
  }

  /** The session that wrote this itself would take no request from then on (nghttp2); what it writes at once are whole frames. */
  announceEnd(): void {
    if (this.writable) this.write(END_IS_NEAR);
  }

  override _read(): void {
    if (!this.#rests) this.#socket.resume();
  }

  override _write(bytes: Buffer, _encoding: BufferEncoding, done: Done): void {
    this.#socket.write(bytes, done);
  }

  override _writev(pieces: readonly { readonly chunk: Buffer }[], done: Done): void {
    this.#socket.write(Buffer.concat(pieces.map(({ chunk }) => chunk)), done);
  }

  override _final(done: Done): void {
    this.#socket.end(() => done());
  }

  override _destroy(error: Error | null, done: Done): void {
    this.#socket.destroy();
    done(error);
  }
}
