/**
 * What is forgotten, told to all who share a store: erased, written into a log of the store and published in one step; heard by those
 * that listen, and found in the log by those that were away. Asked for twice a second, which says too whether the store answers: who has
 * not heard from it of late reads nothing, as something may have been forgotten meanwhile. SPEC section "Version store".
 */
import { type KeyObject, randomBytes } from "node:crypto";
import type { Redis, RedisReply } from "../../redis/client.ts";
import type { Clock, Timer } from "../../runtime/clock.ts";
import { TIER_WAIT_MS } from "../hope.ts";
import type { Forgotten } from "../lower-tier.ts";
import { seal, unseal } from "../sealed.ts";
import type { Untold } from "./untold.ts";

/** How often the log is read; less than half of what may pass until all have forgotten. */
const NEWS_MS = 400;
/** Who has not read the log for so long reads no versions. */
const FRESH_MS = 1_000;
/** Of what could not be told. */
const RETRY_MS = 500;
/** What is not told after so long is kept for a later process. */
const LATE_MS = 100;
/** What was told here lately is told again where the store lost its log. */
const TOLD_AGAIN_MS = 600_000;
const MOST_KEPT = 1_024;
const READ_AT_ONCE = 1_000;
const ID_BYTES = 8;
const ABOUT = "news";
/** Before all entries. */
const FIRST = "0-0";

/** Of pages of a host that are known to be forgotten, two each and some for templates; beyond, all of the host is. */
const MOST_PAGE_FIELDS = 1_024;

/** KEYS: the log, and what goes; ARGV: the news, the channel, what goes of it, a name for when it went, and fields. */
const ERASE_AND_TELL = `
local key, how = KEYS[2], ARGV[3]
if how == 'all' then redis.call('DEL', key)
elseif how == 'field' then redis.call('HDEL', key, ARGV[5])
elseif how == 'pages' and redis.call('EXISTS', key) == 1 then
  for i = 5, #ARGV do
    local set = redis.pcall('HSET', key, ARGV[i], ARGV[4])
    if type(set) == 'table' then redis.call('DEL', key) break end
  end
  if redis.call('HLEN', key) > ${MOST_PAGE_FIELDS} then redis.call('DEL', key) end
end
local told = redis.pcall('XADD', KEYS[1], 'MAXLEN', '~', '16384', '*', 'news', ARGV[1])
redis.call('PUBLISH', ARGV[2], ARGV[1])
return told`;

/** What goes: a key, a field of it, or what stands there of pages. */
export type Erasure = readonly [key: string, how: "all" | "field" | "pages", ...fields: readonly string[]];

/** What was heard by the process before. */
export interface LastHeard {
  /** The entry's id; undefined: nothing is kept from before that could be forgotten. */
  readonly id: string | undefined;
  keep(id: string): void;
}

interface NewsOptions {
  readonly redis: Redis;
  readonly clock: Clock;
  /** Of the log. */
  readonly name: string;
  /** What news are sealed with. */
  readonly key: KeyObject;
  /** Undefined: nothing is kept from before. */
  readonly lastHeard: LastHeard | undefined;
  readonly untold: Pick<Untold, "keep" | "told">;
  heard(what: Forgotten): void;
}

interface Told {
  readonly at: number;
  readonly news: Buffer;
}

export class ForgetNews {
  readonly #options: NewsOptions;
  readonly #known = new Set<string>();
  #told: Told[] = [];
  /** The last entry that was read. */
  #last: string | undefined;
  #kept: string | undefined;
  /** When what is known was asked for, and how long that took. */
  #freshAt = Number.NEGATIVE_INFINITY;
  #tookMs = 0;
  #timer: Timer | undefined;
  #isClosed = false;

  constructor(options: NewsOptions) {
    this.#options = options;
    this.#kept = this.#last = options.lastHeard?.id;
    options.redis.subscribe(options.name, (news) => this.#hear(news));
    this.#keepReading();
  }

  /** Whether all is known that was forgotten until a second ago, and the store answers in time. */
  get isFresh(): boolean {
    return this.#options.clock.now() - this.#freshAt < FRESH_MS && this.#tookMs < TIER_WAIT_MS;
  }

  /** Hears what stands in the log at this moment. Rejects when it cannot be read. */
  async read(): Promise<void> {
    const { redis, clock, name, lastHeard } = this.#options;
    const askedAt = clock.now();
    // That of a read before: what it told is erased by now.
    if (this.#last !== undefined && this.#last !== this.#kept) lastHeard?.keep(this.#last);
    this.#kept = this.#last;
    if (this.#last === undefined) {
      const newest = entriesOf(await redis.ask(name, ["XREVRANGE", name, "+", "-", "COUNT", "1"]));
      this.#last ??= newest[0]?.id ?? FIRST;
    } else
      for (;;) {
        const last: string = this.#last;
        const entries = entriesOf(
          await redis.ask(name, ["XRANGE", name, last, "+", "COUNT", String(READ_AT_ONCE)]),
        );
        for (const { id, news } of entries) {
          if (id !== last) this.#hear(news);
          this.#last = id;
        }
        // The log is another one: the store was emptied, or started anew.
        if (last !== FIRST && entries[0]?.id !== last) {
          if (entries.length === 0) this.#last = FIRST;
          await this.#tellAgain();
        }
        if (entries.length < READ_AT_ONCE) break;
      }
    this.#freshAt = askedAt;
    this.#tookMs = clock.now() - askedAt;
  }

  /** Resolves when it is erased, and all can know why. Tried until then; rejects at `close`. */
  async tell(what: Forgotten, [key, how, ...fields]: Erasure): Promise<void> {
    const { clock, name, untold } = this.#options;
    const id = randomBytes(ID_BYTES).toString("hex");
    this.#know(id);
    const text = Buffer.from(JSON.stringify({ id, what }), "utf8");
    const news = seal(this.#options.key, text, ABOUT);
    this.#told.push({ at: clock.now(), news });
    this.#told = this.#told.slice(-MOST_KEPT);
    let isKept = false;
    const keep = () => {
      if (!isKept) untold.keep(what);
      isKept = true;
    };
    const late = clock.after(LATE_MS, keep);
    try {
      for (;;) {
        try {
          await this.#erase([name, key], [news, name, how, id, ...fields]);
          break;
        } catch (error) {
          keep();
          if (this.#isClosed) throw error;
          await clock.sleep(RETRY_MS);
        }
      }
    } finally {
      late.cancel();
    }
    if (isKept) untold.told(what);
  }

  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
  }

  async #erase(keys: readonly string[], words: readonly (string | Buffer)[]): Promise<void> {
    await this.#options.redis.ask(keys[0], ["EVAL", ERASE_AND_TELL, String(keys.length), ...keys, ...words]);
  }

  async #tellAgain(): Promise<void> {
    const { clock, name } = this.#options;
    this.#told = this.#told.filter(({ at }) => clock.now() - at < TOLD_AGAIN_MS);
    for (const { news } of this.#told) await this.#erase([name], [news, name, ""]);
  }

  #keepReading(): void {
    void this.read()
      .catch(() => undefined)
      .finally(() => {
        if (!this.#isClosed) this.#timer = this.#options.clock.after(NEWS_MS, () => this.#keepReading());
      });
  }

  #hear(sealed: Buffer): void {
    const text = unseal(this.#options.key, sealed, ABOUT);
    if (text === undefined) return;
    const { id, what } = JSON.parse(text.toString("utf8")) as {
      readonly id: string;
      readonly what: Forgotten;
    };
    if (this.#known.has(id)) return;
    this.#know(id);
    this.#options.heard(what);
  }

  #know(id: string): void {
    this.#known.add(id);
    for (const oldest of this.#known) {
      if (this.#known.size <= 16 * MOST_KEPT) break;
      this.#known.delete(oldest);
    }
  }
}

const entriesOf = (reply: RedisReply): { readonly id: string; readonly news: Buffer }[] => {
  if (!Array.isArray(reply)) return [];
  return reply.flatMap((entry) => {
    const [id, fields] = Array.isArray(entry) ? entry : [];
    const news = Array.isArray(fields) ? fields[1] : undefined;
    return Buffer.isBuffer(news) ? [{ id: String(id), news }] : [];
  });
};
