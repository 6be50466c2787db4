/** Says when daemons of one shared store have different store keys: they would share nothing, and nobody would know why. */
import type { Log } from "../../daemon/log.ts";
import type { Redis } from "../../redis/client.ts";
import type { RedisUrl } from "../../redis/redis-address.ts";
import type { Clock, Timer } from "../../runtime/clock.ts";
import type { SharedKeys, Side } from "./shared-keys.ts";

const FIRST_MS = 1_000;
const AGAIN_MS = 30_000;
export const OTHER_KEY =
  "daemons that share a store need the same store.keyFile: copy it from one to all; another site takes a database of its own (redis://…/1)";

interface CompareKeysOptions {
  readonly redis: Redis;
  readonly keys: SharedKeys;
  readonly side: Side;
  readonly url: RedisUrl;
  readonly clock: Clock;
  readonly log: Log;
}

/** Under which daemons of a side say whose key they have. */
export const keyMark = (side: Side): string => `coilgun-${side}-key`;

export class CompareKeys {
  readonly #options: CompareKeysOptions;
  #timer: Timer | undefined;
  #said = false;

  constructor(options: CompareKeysOptions) {
    this.#options = options;
    this.#after(FIRST_MS);
  }

  close(): void {
    this.#timer?.cancel();
  }

  #after(ms: number): void {
    this.#timer = this.#options.clock.after(ms, () => {
      void this.#compare().catch(() => undefined);
      this.#after(AGAIN_MS);
    });
  }

  async #compare(): Promise<void> {
    const { redis, keys, side, url, log } = this.#options;
    const name = keyMark(side);
    const found = await redis.ask(name, ["GET", name]);
    const isOther = found !== null && String(found) !== keys.prefix;
    if (isOther && !this.#said)
      log.warn("shared store has another key", { store: `${url}`, hint: OTHER_KEY });
    this.#said = isOther;
    if (!isOther) await redis.ask(name, ["SET", name, keys.prefix, "PX", String(3 * AGAIN_MS)]);
  }
}
