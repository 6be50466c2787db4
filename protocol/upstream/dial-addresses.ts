/**
 * A connection to a name that has several addresses: they are tried one after the other, the next one as soon as one fails or
 * has taken a while, and none is given up before another one is connected (RFC 8305 section 5). Node's own way gives each address but
 * the last 250 ms, so a name whose first address is slow and whose second one is not there could not be reached.
 */
import { once } from "node:events";
import type { Socket } from "node:net";
import type { Clock, Timer } from "../runtime/clock.ts";

/** An address has so much time before the next one is tried beside it. RFC 8305 section 8. @internal */
export const NEXT_ADDRESS_MS = 250;

export interface AddressesToDial {
  readonly clock: Clock;
  /** In the order of trying; at least one. */
  readonly addresses: readonly string[];
  /** Begins to connect; the socket emits `connect` or `error`. */
  connect(address: string): Socket;
  readonly signal: AbortSignal;
}

/** Rejects with the one failure, with AggregateError of all, or with the signal's reason; no socket is left then. */
export const dialAddresses = async (
  options: AddressesToDial,
): Promise<{ readonly socket: Socket; readonly address: string }> => {
  const race = new Race(options);
  try {
    return await race.won;
  } finally {
    race.over();
  }
};

class Race {
  readonly #options: AddressesToDial;
  readonly #settle = Promise.withResolvers<{ readonly socket: Socket; readonly address: string }>();
  readonly #trying = new Set<Socket>();
  readonly #leave = () => this.#settle.reject(this.#options.signal.reason);
  readonly #errors: unknown[] = [];
  #next = 0;
  #won = false;
  #timer: Timer | undefined;

  constructor(options: AddressesToDial) {
    this.#options = options;
    options.signal.addEventListener("abort", this.#leave, { once: true });
    if (options.signal.aborted) this.#leave();
    else this.#tryNext();
  }

  get won(): Promise<{ readonly socket: Socket; readonly address: string }> {
    return this.#settle.promise;
  }

  over(): void {
    this.#won = true;
    this.#timer?.cancel();
    this.#next = this.#options.addresses.length;
    this.#options.signal.removeEventListener("abort", this.#leave);
    for (const socket of this.#trying) socket.destroy();
  }

  #tryNext(): void {
    this.#timer?.cancel();
    const { addresses, clock } = this.#options;
    const address = addresses[this.#next];
    if (address === undefined) {
      if (this.#trying.size === 0) this.#settle.reject(this.#failure());
      return;
    }
    this.#next++;
    if (this.#next < addresses.length) this.#timer = clock.after(NEXT_ADDRESS_MS, () => this.#tryNext());
    void this.#try(address);
  }

  async #try(address: string): Promise<void> {
    const socket = this.#options.connect(address);
    this.#trying.add(socket);
    // Whoever uses it listens too; between two users nobody does, and that must not be an uncaught error.
    socket.on("error", () => {});
    try {
      await once(socket, "connect");
      // Of two that connect at once, the other one is closed with those that are still trying.
      if (!this.#won) this.#trying.delete(socket);
      this.#won = true;
      this.#settle.resolve({ socket, address });
      if (this.#trying.has(socket)) socket.destroy();
    } catch (error) {
      this.#trying.delete(socket);
      this.#errors.push(error);
      this.#tryNext();
    }
  }

  #failure(): unknown {
    return this.#errors.length === 1 ? this.#errors[0] : new AggregateError(this.#errors);
  }
}
