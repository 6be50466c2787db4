/**
 * Where the shared config of a fleet lies in a Redis or Valkey: the newest version as one text, those before it as a list, and a channel
 * of the same name that tells of a new one. A new version is put only in the place of the one that it follows.
 */
import type { Redis, RedisReply } from "../redis/client.ts";
import { MOST_SIGNED_CHARS, type Trust } from "./signed-config.ts";

/** Versions that are kept. */
const MOST_KEPT = 100;
/** Holds the header of a version and a part of its nonce: no two versions begin alike. */
const BEGINNING_CHARS = 512;

const PUT = `
if redis.call('GETRANGE', KEYS[1], 0, ARGV[4]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2])
redis.call('LPUSH', KEYS[2], ARGV[2])
redis.call('LTRIM', KEYS[2], 0, ARGV[3])
redis.call('PUBLISH', KEYS[1], '')
return 1`;

const textOf = (reply: RedisReply): string =>
  Buffer.isBuffer(reply) ? reply.toString("latin1") : String(reply ?? "");

export class ConfigStore {
  readonly #redis: Pick<Redis, "ask" | "subscribe">;
  readonly #key: string;

  constructor(redis: Pick<Redis, "ask" | "subscribe">, { side, name }: Pick<Trust, "side" | "name">) {
    this.#redis = redis;
    this.#key = `coilgun:config:{${name}}:${side}`;
  }

  /** What tells whether there is another version; empty where there is none. */
  async beginning(): Promise<string> {
    return textOf(
      await this.#redis.ask(this.#key, ["GETRANGE", this.#key, "0", String(BEGINNING_CHARS - 1)]),
    );
  }

  /** The newest version as it lies there; empty where there is none. */
  async newest(): Promise<string> {
    return textOf(await this.#redis.ask(this.#key, ["GETRANGE", this.#key, "0", String(MOST_SIGNED_CHARS)]));
  }

  /** Puts a version in the place of one that begins so; false where another stands there. */
  async put(signed: string, beginning: string): Promise<boolean> {
    const history = `${this.#key}:history`;
    const [most, end] = [String(MOST_KEPT - 1), String(BEGINNING_CHARS - 1)];
    const reply = await this.#redis.ask(this.#key, [
      "EVAL",
      PUT,
      "2",
      this.#key,
      history,
      beginning,
      signed,
      most,
      end,
    ]);
    return reply === 1;
  }

  /** Newest first. */
  async history(): Promise<readonly string[]> {
    const reply = await this.#redis.ask(this.#key, ["LRANGE", `${this.#key}:history`, "0", "-1"]);
    return Array.isArray(reply) ? reply.map(textOf) : [];
  }

  /** Tells of each new version; one that was put while the store was out of reach goes untold. */
  subscribe(run: () => void): void {
    this.#redis.subscribe(this.#key, run);
  }

  /** Which keys the store lets go of when it is full (`maxmemory-policy`); undefined where it does not say. */
  async evictionPolicy(): Promise<string | undefined> {
    const about = textOf(await this.#redis.ask(undefined, ["INFO", "memory"]));
    return /^maxmemory_policy:([\w-]+)/m.exec(about)?.[1];
  }
}

/** A store that evicts nothing; the advice where it is another. */
export const KEEPS_ALL = "noeviction";
export const SET_NOEVICTION = "set `maxmemory-policy noeviction` there, or use an instance of its own";
