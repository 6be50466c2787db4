/**
 * What node's HTTP/2 takes for its connection: the socket of a visitor, whose fields are counted as they come. With something else than a
 * socket, node reads and writes through JavaScript; what it writes at once leaves at once.
 */
import { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";
import type { Http2Fields } from "./http2-fields.ts";
import type { PiecesConnection } from "./small-piece-turns.ts";

type Done = (error?: Error | null) => void;

export class Http2Tap extends Duplex implements PiecesConnection {
  readonly #socket: TLSSocket;
  #rests = false;

  constructor(socket: TLSSocket, fields: Http2Fields) {
    super();
    this.#socket = socket;
    // As node does with a socket.
    socket.disableRenegotiation();
    socket.setNoDelay(true);
    socket.on("data", (bytes: Buffer) => {
      if (!fields.read(bytes)) this.destroy();
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
