/**
 * Plain connections to web servers read into one buffer of the process, since each read is over before the next one begins: nothing is
 * allocated for it, and a body whose length is known is copied once, into a buffer of that length.
 */
import { connect, type NetConnectOpts, type Socket } from "node:net";
import { Readable } from "node:stream";

/** Of one read. */
const READ_BYTES = 64 * 1024;
/** A longer body is not made room for as a whole: its pieces are handed on one by one. @internal */
export const MOST_GATHERED_BYTES = 256 * 1024;

const READ = Buffer.allocUnsafeSlow(READ_BYTES);

/**
 * Begins to connect. What the socket's `data` event tells of is there until its listeners return; what comes before somebody listens,
 * or after `pauseReading`, waits in the socket, as it does in others.
 */
export const connectReading = (to: NetConnectOpts): Socket => {
  const callback = (count: number): boolean => {
    const bytes = READ.subarray(0, count);
    const waits = socket.isPaused() || socket.readableLength > 0 || socket.listenerCount("data") === 0;
    if (waits) return socket.push(Buffer.from(bytes));
    socket.emit("data", bytes);
    return true;
  };
  const socket = connect({ ...to, onread: { buffer: READ, callback } });
  return socket;
};

/**
 * What comes from now on waits in the socket, as far as others hold it too, so that it is there when the connection
 * breaks; a pause of the socket's own would leave it in the kernel.
 */
export const pauseReading = (socket: Socket): void => {
  Readable.prototype.pause.call(socket);
};

/** Pieces of one body, each copied to where nothing is read into. */
export class OwnPieces {
  readonly #length: number;
  /** For all of the body, which fills it from its start. */
  #room: Buffer | undefined;
  #filled = 0;

  /** `length`: of the whole body, if it is known. */
  constructor(length = Number.POSITIVE_INFINITY) {
    this.#length = length;
  }

  own(piece: Buffer): Buffer {
    if (this.#length > MOST_GATHERED_BYTES) return Buffer.from(piece);
    this.#room ??= Buffer.allocUnsafeSlow(this.#length);
    const from = this.#filled;
    this.#filled += piece.copy(this.#room, from);
    return piece.length === this.#length ? this.#room : this.#room.subarray(from, this.#filled);
  }
}
