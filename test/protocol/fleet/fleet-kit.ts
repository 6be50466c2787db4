/** A fleet's keys and files in a folder of their own, and a store in memory that daemons and commands share. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import type { SchemaFor } from "../../../protocol/config/parse-config.ts";
import { block } from "../../../protocol/config/schema.ts";
import { type FleetKind, fleetIsWhole, fleetSettings } from "../../../protocol/fleet/fleet-settings.ts";
import {
  newSigningKey,
  parseSigningKey,
  publicKeyText,
  signConfig,
} from "../../../protocol/fleet/signed-config.ts";
import type { openRedis } from "../../../protocol/redis/client.ts";
import { makeLinkKey, secretText } from "../../../protocol/transport/key.ts";

export const KIND: FleetKind = { side: "edge", settings: ["routes"] };

export interface TestConfig {
  readonly routes: readonly string[];
}

/** A config with one setting of its own, `port`, and one that is shared, `routes`. */
export const testSettings: SchemaFor<TestConfig> = (near) =>
  block({ port: z.int(), routes: z.array(z.string()).min(1), ...fleetSettings(near, "edge") }).check(
    fleetIsWhole,
  );

export const signingKey = () => {
  const key = parseSigningKey(newSigningKey());
  if (key === undefined) throw new Error("a new key is none");
  return key;
};

export const makeFleet = () => {
  const folder = mkdtempSync(join(tmpdir(), "coilgun-fleet-"));
  const key = signingKey();
  const { secret: seal } = makeLinkKey("seal");
  const file = join(folder, "edge.yaml");
  writeFileSync(join(folder, "seal.key"), secretText(seal), { mode: 0o600 });
  writeFileSync(
    file,
    `port: 1\nconfig: redis://:pass-word@store:6379#site\nconfigKey: ${publicKeyText(key)}\nconfigSeal: ./seal.key\n`,
  );
  const trust = { side: "edge", name: "site", keys: [publicKeyText(key)], seal } as const;
  return {
    folder,
    file,
    copy: join(folder, "site-edge.copy"),
    trust,
    /** A version as it lies in the store. */
    signed: (version: number, text = `routes: [v${version}]`, by = key, as: Partial<typeof trust> = {}) =>
      signConfig({ version, at: "2026-11-29T12:00:00.000Z", text }, { ...trust, ...as }, by),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true }),
  };
};

/** Does what the commands of config-store.ts ask for. */
export class StoreInMemory {
  current = "";
  policy = "noeviction";
  readonly history: string[] = [];
  readonly #listeners = new Set<() => void>();
  readonly #clients = new Set<(isConnected: boolean, why?: string) => void>();
  #isUp = true;

  readonly open: typeof openRedis = (_, { changed }) => {
    const tell = (isConnected: boolean, why?: string) => changed?.(isConnected, why);
    this.#clients.add(tell);
    queueMicrotask(() => (this.#isUp ? tell(true) : tell(false, "connect ECONNREFUSED")));
    const heard = new Set<() => void>();
    const store = this;
    return {
      get isConnected() {
        return store.#isUp;
      },
      ask: async (_key, [name, ...args]) => this.#answer(name, args.map(String)),
      subscribe: (_channel, listener) => {
        const run = () => listener(Buffer.alloc(0));
        heard.add(run);
        this.#listeners.add(run);
      },
      close: () => {
        this.#clients.delete(tell);
        for (const run of heard) this.#listeners.delete(run);
      },
    };
  };

  /** As somebody with access to the store would; `publishes`: whether that is told. */
  set(signed: string, { publishes = true } = {}): void {
    this.current = signed;
    if (publishes) for (const run of this.#listeners) run();
  }

  reach(isUp: boolean): void {
    this.#isUp = isUp;
    for (const tell of this.#clients) tell(isUp, "the socket closed");
  }

  #answer(name: string, args: readonly string[]) {
    if (!this.#isUp) throw new Error("it is not connected");
    switch (name) {
      case "GETRANGE":
        return Buffer.from(this.current.slice(Number(args[1]), Number(args[2]) + 1));
      case "INFO":
        return Buffer.from(`# Memory\r\nmaxmemory_policy:${this.policy}\r\n`);
      case "LRANGE":
        return this.history.map((each) => Buffer.from(each));
      case "EVAL": {
        const [, , , , beginning = "", signed = "", , end] = args;
        if (this.current.slice(0, Number(end) + 1) !== beginning) return 0;
        this.history.unshift(signed);
        this.set(signed);
        return 1;
      }
      default:
        throw new Error(`no ${name} here`);
    }
  }
}
