/**
 * Offers that an edge names behind its request, since it still looks for them when the request leaves. The web server
 * is asked meanwhile, and only an answer that may build on them waits for their names, within a bound. SPEC section
 * "Offers".
 */
import { LinkError } from "../../protocol/errors.ts";
import type { OffersFrame, OpenFrame } from "../../protocol/frames/frame.ts";
import type { Clock } from "../../protocol/runtime/clock.ts";

/** An answer that is ready waits so long for names; an edge looks for 100 ms at most, from when its request leaves. */
export const MOST_WAIT_MS = 200;

export class LaterOffers {
  readonly #named = Promise.withResolvers<void>();
  #state: "awaited" | "named" | "given up" = "awaited";

  /** Resolves when nothing more is to be waited for. */
  get named(): Promise<void> {
    return this.#named.promise;
  }

  /** What the open frame would have been with them; they may come too late. Throws LinkError where they came before. */
  taken(open: OpenFrame, { offers, extensions }: OffersFrame): OpenFrame {
    if (this.#state === "named") throw new LinkError("bad-frame", "a second frame of offers");
    const isLate = this.#state === "given up";
    this.#state = "named";
    this.#named.resolve();
    // Of equal tags the first counts.
    return isLate ? open : { ...open, offers, extensions: [...extensions, ...open.extensions] };
  }

  /** The answer goes on without. */
  giveUp(): void {
    if (this.#state === "awaited") this.#state = "given up";
    this.#named.resolve();
  }

  /** Resolves with `fetched`, which waits for the names and for what they name. `late`: called where they did not come in time. */
  async within(clock: Clock, fetched: Promise<void>, late: () => void): Promise<void> {
    const limit = clock.after(MOST_WAIT_MS, () => {
      if (this.#state !== "awaited") return;
      this.giveUp();
      late();
    });
    await fetched;
    limit.cancel();
  }
}
