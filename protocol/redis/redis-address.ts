/**
 * Where a Redis or Valkey is: one server by TCP, TLS or a unix socket, the one that Sentinels name, or a cluster. Addresses may hold a
 * password, so they are shown without it.
 */
import { inspect } from "node:util";
import type { RedisClientOptions } from "@redis/client";
import { Complaint } from "../runtime/user-error.ts";
import { redisLibrary } from "./library.ts";

interface Node {
  readonly host: string;
  readonly port: number;
}

export type RedisAddress = {
  readonly isTls: boolean;
  readonly username: string | undefined;
  readonly password: string | undefined;
} & (
  | { readonly kind: "server"; readonly url: string }
  | {
      readonly kind: "sentinel";
      readonly nodes: readonly Node[];
      readonly name: string;
      readonly database: number;
    }
  | { readonly kind: "cluster"; readonly nodes: readonly Node[] }
);

const FORMS =
  "redis://host[:port][/number], user:password@ before the host where it asks for them, rediss://… for TLS, unix:///path/to.sock[?db=number], redis+sentinel://host:port,host:port/name[/number] or redis+cluster://host:port,host:port (rediss+… for TLS)";

const SEVERAL =
  /^redis(s?)\+(sentinel|cluster):\/\/(?:([^:@/]*)(?::([^@/]*))?@)?([^/?#@]+)(?:\/([^/?#]*))?(?:\/(\d+))?$/;
const NODE = /^(\[[0-9a-f:]+\]|[^:[\]]+)(?::(\d{1,5}))?$/i;
const PORTS = { sentinel: 26379, cluster: 6379 } as const;

/** Throws Complaint, which shows nothing of the text: a password may stand anywhere in it. */
export const parseRedisAddress = (text: string): RedisAddress => {
  try {
    return SEVERAL.test(text) ? several(text) : server(text.replace(/^unix:\/(?!\/)/, "unix:///"));
  } catch {
    throw new Complaint(`is not the address of a Redis or Valkey; write ${FORMS}`);
  }
};

const server = (url: string): RedisAddress => {
  const { username, password, socket } = redisLibrary().RedisClient.parseURL(url);
  if (!("path" in socket) && !("host" in socket && socket.host)) throw new TypeError("no host");
  return { kind: "server", url, isTls: socket.tls, username, password };
};

const several = (text: string): RedisAddress => {
  const [, tls, kind, user, secret, hosts = "", name = "", database = "0"] = SEVERAL.exec(text) ?? [];
  const decoded = (each: string | undefined) => (each ? decodeURIComponent(each) : undefined);
  const about = { isTls: tls === "s", username: decoded(user), password: decoded(secret) };
  if (kind === "cluster") {
    if (name !== "") throw new TypeError("a cluster has one database");
    return { ...about, kind, nodes: hosts.split(",").map((each) => nodeOf(each, PORTS.cluster)) };
  }
  if (name === "") throw new TypeError("no name");
  const nodes = hosts.split(",").map((each) => nodeOf(each, PORTS.sentinel));
  return { ...about, kind: "sentinel", nodes, name: decodeURIComponent(name), database: Number(database) };
};

const nodeOf = (text: string, port: number): Node => {
  const [, host, written = String(port)] = NODE.exec(text) ?? [];
  if (host === undefined || Number(written) > 65_535) throw new TypeError("no host");
  return { host: host.replace(/^\[(.*)\]$/, "$1"), port: Number(written) };
};

/** The address as a setting: it cannot be printed with its password by accident; only `reveal` shows it. */
export class RedisUrl {
  readonly #text: string;

  /** Throws Complaint for what is no address. */
  constructor(text: string) {
    parseRedisAddress(text);
    this.#text = text;
  }

  reveal(): string {
    return this.#text;
  }

  toString(): string {
    return shownAddress(this.#text);
  }

  toJSON(): string {
    return this.toString();
  }

  [inspect.custom](): string {
    return this.toString();
  }
}

/** Without the user and the password, for logs and messages; an `@` may stand in the password. */
export const shownAddress = (text: string): string =>
  text.replace(/\/\/[^/?#]*@/, "//").replace(/[?#].*$/, "");

/** What every connection to it needs. */
export const credentialsOf = ({
  username,
  password,
}: RedisAddress): Pick<RedisClientOptions, "username" | "password"> => ({
  ...(username !== undefined && { username }),
  ...(password !== undefined && { password }),
});
