/**
 * A connection that asks for another protocol: node lets go of it as soon as it has read that it does. Until its turn comes behind
 * requests that still run, and the request's body is here, this stands in for node: it keeps what the visitor sends, within
 * bounds, and tells the response that is under way when the connection takes more of it.
 */
import type { Socket } from "node:net";
import type { Clock } from "../../protocol/runtime/clock.ts";
import { GrowingBytes } from "../../protocol/wire/growing-bytes.ts";
import { MOST_EARLY_BYTES, type UpgradeBody, type UpgradeBodyReader } from "./upgrade-body.ts";

export class ParkedUpgrade {
  readonly #socket: Socket;
  readonly #held = new GrowingBytes();
  readonly #running: () => { drained(): void } | undefined;
  #came = () => {};
  readonly #hold = (bytes: Buffer): void => {
    this.#held.add(bytes);
    if (this.#held.length > MOST_EARLY_BYTES) this.#socket.pause();
    this.#came();
  };
  readonly #drained = (): void => this.#running()?.drained();

  /** `early`: what came with the head. `running`: whose response is being written. */
  constructor(socket: Socket, early: Buffer, running: () => { drained(): void } | undefined) {
    this.#socket = socket;
    this.#held.add(early);
    this.#running = running;
    socket.on("error", ignored); // "close" follows
    socket.on("data", this.#hold).on("drain", this.#drained);
  }

  /**
   * Its turn: calls `done` once with what `read` makes of everything that came, which is `unfinished` where the rest has not come
   * within `idleMs`; never where the visitor leaves before.
   */
  body(read: UpgradeBodyReader, clock: Clock, idleMs: number, done: (body: UpgradeBody) => void): void {
    const over = (body: UpgradeBody) => {
      late.cancel();
      this.#came = () => {};
      this.#socket.off("close", closed).off("end", ended);
      done(body);
    };
    const late = clock.after(idleMs, () => over("unfinished"));
    const closed = () => late.cancel();
    const ended = () => this.#socket.destroy();
    this.#socket.once("close", closed).once("end", ended);
    this.#came = () => {
      const body = read(this.#held.all());
      if (body !== "unfinished") over(body);
      else if (this.#socket.readableEnded) ended();
    };
    this.#came();
  }

  /** Everything that came, and nobody listens any more. */
  over(): Buffer {
    this.#socket.off("data", this.#hold).off("drain", this.#drained).off("error", ignored);
    return this.#held.all();
  }
}

const ignored = (): void => {};
