/**
 * Lines of several programs into one stream, none of them torn: what is handed on of a program ends where a line does. Reads
 * no faster than the stream takes it; what comes after the stream broke is dropped, so that nobody waits for it.
 */
import type { Readable, Writable } from "node:stream";

const NEWLINE = 0x0a;
/** A longer line is handed on in pieces: better torn than kept in memory for ever. */
export const LONGEST_LINE_BYTES = 1024 * 1024;

export class WholeLines {
  readonly #to: Writable;
  readonly #paused = new Set<Readable>();

  constructor(to: Writable, failed: (error: Error) => void) {
    this.#to = to;
    to.on("drain", () => this.#resume());
    to.on("error", (error) => {
      failed(error);
      this.#resume();
    });
  }

  /** Hands on what `from` says until it ends. */
  takeFrom(from: Readable): void {
    let rest: Buffer[] = [];
    let restBytes = 0;
    from.on("data", (piece: Buffer) => {
      const end = piece.lastIndexOf(NEWLINE) + 1;
      if (end === 0 && restBytes + piece.length <= LONGEST_LINE_BYTES) {
        rest.push(piece);
        restBytes += piece.length;
        return;
      }
      const cut = end === 0 ? piece.length : end;
      this.#handOn(from, Buffer.concat([...rest, piece.subarray(0, cut)]));
      rest = cut < piece.length ? [piece.subarray(cut)] : [];
      restBytes = piece.length - cut;
    });
    from.once("close", () => {
      this.#paused.delete(from);
      // The last words of who was killed: an unfinished line is ended, so that the next one begins on its own.
      if (restBytes > 0) this.#handOn(from, Buffer.concat([...rest, Buffer.from("\n")]));
    });
  }

  #handOn(from: Readable, lines: Buffer): void {
    if (!this.#to.writable || this.#to.write(lines) || from.destroyed) return;
    from.pause();
    this.#paused.add(from);
  }

  #resume(): void {
    for (const from of this.#paused) from.resume();
    this.#paused.clear();
  }
}
