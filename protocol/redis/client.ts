/**
 * One connection to a Redis or Valkey, whatever it is made of: commands as they are written in its manual, those of one turn in one
 * pipeline, and the messages of a channel. It connects by itself, again and again; what is asked while it is not connected fails at once.
 */
import type { EventEmitter } from "node:events";
import type { RedisArgument, RedisClientOptions } from "@redis/client";
import type { Clock, Timer } from "../runtime/clock.ts";
import { withoutSecrets } from "../runtime/redact.ts";
import { redisLibrary } from "./library.ts";
import { credentialsOf, parseRedisAddress, type RedisAddress } from "./redis-address.ts";

/** Strings are buffers, maps are arrays of names and values in turn, absent is null. */
export type RedisReply = null | number | boolean | string | Buffer | readonly RedisReply[];

interface RedisOptions {
  readonly clock: Clock;
  /** What the server calls the connection in CLIENT LIST. */
  readonly name: string;
  /** Whether it is connected changed; `why` where it is not. Never holds a password. */
  changed?(isConnected: boolean, why: string | undefined): void;
}

export interface Redis {
  readonly isConnected: boolean;
  /**
   * One command. `key`: the one of its keys that tells the node of a cluster; undefined where it has none. Rejects where it is not
   * connected, or the server refuses. A server that is silent is given up after SILENT_MS.
   */
  ask(key: string | undefined, command: readonly [string, ...RedisArgument[]]): Promise<RedisReply>;
  /** From now on, through all reconnections; a message that is sent while it is not connected is lost. Call it once a channel. */
  subscribe(channel: string, heard: (message: Buffer) => void): void;
  close(): void;
}

const CONNECT_MS = 2_000;
/** A connection on which nothing came for so long is given up: whoever opens one asks something more often. */
const SILENT_MS = 5_000;
/** Pings of connections that only listen. */
const PING_MS = 2_000;
const FIRST_RETRY_MS = 100;
const MOST_RETRY_MS = 1_000;

/** Throws Complaint for what is no address. Returns at once. */
export const openRedis = (url: string, options: RedisOptions): Redis =>
  new Connection(parseRedisAddress(url), options);

type Subscriber = (message: Buffer) => void;

/** What the three kinds of clients have in common. */
interface Backend extends Pick<EventEmitter, "on"> {
  readonly isReady: boolean;
  connect(): Promise<unknown>;
  destroy(): unknown;
  subscribe(channel: string, heard: Subscriber, asBuffers: true): Promise<unknown>;
}

interface Opened {
  readonly client: Backend;
  send(key: string | undefined, command: readonly RedisArgument[]): Promise<unknown>;
}

class Connection implements Redis {
  readonly #address: RedisAddress;
  readonly #options: RedisOptions;
  readonly #channels = new Map<string, Subscriber>();
  #opened: Opened | undefined;
  #retry: Timer | undefined;
  #retries = 0;
  #wasConnected: boolean | undefined;
  #isClosed = false;

  constructor(address: RedisAddress, options: RedisOptions) {
    this.#address = address;
    this.#options = options;
    this.#connect();
  }

  get isConnected(): boolean {
    return this.#opened?.client.isReady === true;
  }

  async ask(key: string | undefined, command: readonly [string, ...RedisArgument[]]): Promise<RedisReply> {
    if (this.#opened === undefined || !this.isConnected) throw new Error("it is not connected");
    return (await this.#opened.send(key, command)) as RedisReply;
  }

  subscribe(channel: string, heard: Subscriber): void {
    this.#channels.set(channel, heard);
    if (this.isConnected) void this.#opened?.client.subscribe(channel, heard, true).catch(() => undefined);
  }

  close(): void {
    this.#isClosed = true;
    this.#retry?.cancel();
    this.#end();
  }

  /** A client that could not connect at first is of no use; one that was connected finds its way back by itself. */
  #connect(): void {
    const opened = clientFor(this.#address, this.#options.name);
    this.#opened = opened;
    const { client } = opened;
    // Before, it is of no use yet: who may come in may still not be allowed to listen.
    let listens = false;
    client.on("error", (error: unknown) => {
      if (this.#opened === opened) this.#changed(false, error);
    });
    client.on("ready", () => {
      if (this.#opened === opened && listens) this.#changed(true);
    });
    client
      .connect()
      .then(async () => {
        for (const [channel, heard] of this.#channels) await client.subscribe(channel, heard, true);
        if (this.#opened !== opened) return;
        listens = true;
        this.#retries = 0;
        this.#changed(true);
      })
      .catch((error: unknown) => {
        if (this.#opened !== opened || this.#isClosed) return;
        this.#changed(false, error);
        this.#end();
        this.#retry = this.#options.clock.after(retryMs(this.#retries++), () => this.#connect());
      });
  }

  #end(): void {
    const client = this.#opened?.client;
    this.#opened = undefined;
    // It may not be open at all.
    void (async () => client?.destroy())().catch(() => undefined);
  }

  #changed(isConnected: boolean, error?: unknown): void {
    if (this.#isClosed || this.#wasConnected === isConnected) return;
    this.#wasConnected = isConnected;
    this.#options.changed?.(isConnected, isConnected ? undefined : this.#reasonOf(error));
  }

  #reasonOf(error: unknown): string {
    const text = withoutSecrets(error instanceof Error ? error.message || String(error.name) : String(error));
    const { password } = this.#address;
    return password === undefined ? text : text.replaceAll(password, "[secret]");
  }
}

const retryMs = (retries: number): number => Math.min(FIRST_RETRY_MS * 2 ** retries, MOST_RETRY_MS);

const clientFor = (address: RedisAddress, name: string): Opened => {
  const { createClient, createCluster, createSentinel, RESP_TYPES } = redisLibrary();
  const { isTls } = address;
  const socket = { connectTimeout: CONNECT_MS, socketTimeout: SILENT_MS, reconnectStrategy: retryMs };
  const node = {
    ...credentialsOf(address),
    name,
    disableOfflineQueue: true,
    disableClientInfo: true,
    pingInterval: PING_MS,
    maintNotifications: "disabled",
    socket: isTls ? { ...socket, tls: true } : socket,
  } satisfies RedisClientOptions;
  const typeMapping = { [RESP_TYPES.BLOB_STRING]: Buffer, [RESP_TYPES.MAP]: Array };
  const commandOptions = { typeMapping };
  switch (address.kind) {
    case "server": {
      // What the address says of its socket stays.
      const client = createClient({ ...node, url: address.url, socket, commandOptions });
      return { client, send: (_, command) => client.sendCommand(command) };
    }
    case "sentinel": {
      const client = createSentinel({
        name: address.name,
        sentinelRootNodes: address.nodes.map((each) => ({ ...each })),
        nodeClientOptions: { ...node, database: address.database },
        sentinelClientOptions: { socket: node.socket },
        passthroughClientErrorEvents: true,
        commandOptions,
      });
      return { client, send: (_, command) => client.sendCommand(false, [...command]) };
    }
    case "cluster": {
      const client = createCluster({
        rootNodes: address.nodes.map((each) => ({ socket: { ...each } })),
        defaults: node,
        commandOptions,
      });
      return { client, send: (key, command) => client.sendCommand(key, false, [...command]) };
    }
  }
};
