/**
 * Notices that a visitor has gone while nobody reads its connection: an upload that its origin server does not take is not
 * read here either, and then the system tells nothing of a connection that was reset. A write of no bytes asks it, and sends
 * nothing. A visitor that closes in order behind bytes that nobody reads cannot be noticed by anyone; and TLS keeps to itself
 * what the system says to a write of nothing.
 */
import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import type { Clock, Timer } from "../../../protocol/runtime/clock.ts";

/** So often, while it is not read. @internal */
export const PROBE_MS = 500;
const NO_BYTES = Buffer.alloc(0);

export class DisconnectProbe {
  readonly #clock: Clock;
  readonly #socket: Socket;
  #timer: Timer | undefined;

  /** The socket is destroyed, and so says "close", when its visitor turns out to have left. */
  constructor(clock: Clock, socket: Socket) {
    this.#clock = clock;
    this.#socket = socket;
  }

  start(): void {
    if (this.#socket instanceof TLSSocket) return;
    this.#timer ??= this.#clock.after(PROBE_MS, () => this.#ask());
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #ask(): void {
    this.#timer = undefined;
    if (this.#socket.destroyed) return;
    this.#socket.write(NO_BYTES);
    this.start();
  }
}
