/**
 * A connection that asks for another protocol behind a request that still runs. Node lets go of it as soon as it has read that
 * it does; until its turn comes this stands in for node: it keeps what the visitor sends, within bounds, and tells the
 * response that is under way when the connection takes more of it.
 */
import type { Socket } from "node:net";

/** Most that is held of what a visitor sends before it has an answer. */
export const MOST_EARLY_BYTES = 64 * 1024;

export class ParkedUpgrade {
  readonly #socket: Socket;
  readonly #held: Buffer[];
  readonly #running: () => { drained(): void } | undefined;
  #bytes = 0;
  readonly #hold = (bytes: Buffer): void => {
    this.#held.push(bytes);
    this.#bytes += bytes.length;
    if (this.#bytes > MOST_EARLY_BYTES) this.#socket.pause();
  };
  readonly #drained = (): void => this.#running()?.drained();

  /** `early`: what came with the head. `running`: whose response is being written. */
  constructor(socket: Socket, early: Buffer, running: () => { drained(): void } | undefined) {
    this.#socket = socket;
    this.#held = [early];
    this.#running = running;
    socket.on("error", () => {}); // "close" follows
    socket.on("data", this.#hold).on("drain", this.#drained);
  }

  /** Its turn: everything that came, and nobody listens any more. */
  over(): Buffer {
    this.#socket.off("data", this.#hold).off("drain", this.#drained);
    return Buffer.concat(this.#held);
  }
}
