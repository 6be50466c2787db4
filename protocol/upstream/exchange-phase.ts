/** What an exchange with a web server needs, and how far it has come. */
import type { HeaderList } from "../http/header-list.ts";
import type { Clock } from "../runtime/clock.ts";
import type { UpstreamBody } from "./body.ts";
import type { ConnectionPool } from "./connections/connection-pool.ts";
import type { ConnectionWish, PooledConnection } from "./connections/pooled-connection.ts";
import type { WireRequest } from "./framing.ts";
import type { BodyFraming, KnownHeads, RawHead } from "./response-head.ts";
import type { UpstreamRequest } from "./upstream-request.ts";

/** A request on its way. */
export interface Asked {
  readonly request: UpstreamRequest;
  readonly wire: WireRequest;
  readonly wish: Omit<ConnectionWish, "network" | "borrower">;
  /** To ask twice changes nothing at the web server. */
  readonly mayRepeat: boolean;
}

export interface ExchangeDependencies {
  readonly connections: ConnectionPool;
  readonly clock: Clock;
  /** The web server's address, for the log. */
  readonly server: string;
  /** Largest response head. */
  readonly headBytes: number;
  /** Limits of silence before the head, and within the body. */
  readonly answerMs: number;
  readonly idleMs: number | undefined;
  /** Longest wait for a place. */
  readonly queueMs: number;
  readonly heads: KnownHeads;
  readonly speaksHttp2: boolean;
  /** Longest rest of a connection afterwards. */
  readonly restMs: number;
  /** Bytes a second that a visitor takes or sends at least while others wait. */
  readonly leastRate: number | undefined;
}

/** A request under way. */
export interface Outgoing {
  readonly destroyed: boolean;
  readonly writableEnded: boolean;
  /** As far as it is concerned its connection may carry another one; the response may say otherwise. */
  readonly shouldKeepAlive: boolean;
  /** It may have trailers. */
  readonly chunkedEncoding: boolean;
  addTrailers(fields: HeaderList): void;
  write(bytes: Uint8Array): boolean;
  end(): unknown;
  destroy(error?: Error): unknown;
  on(event: "drain" | "close", listener: () => void): this;
  off(event: "drain" | "close", listener: () => void): this;
}

/** What is told of a request. `closed` comes last. */
export interface RequestEvents {
  interim(head: RawHead): void;
  answered(incoming: IncomingResponse): void;
  /** Of the body. */
  piece(bytes: Buffer): void;
  ended(trailers: HeaderList): void;
  broken(error: Error): void;
  closed(): void;
}

/** What comes back. */
export interface IncomingResponse extends RawHead {
  readonly complete: boolean;
  /** Tells of what is held back still; null: nothing is. */
  read(): unknown;
  pause(): unknown;
  resume(): unknown;
}

/** Of one exchange, each after the one before it; any may be followed by `over`. */
export type Phase =
  | { readonly is: "connecting" }
  /** The request is on a connection, of which so many bytes had been read before. */
  | { readonly is: "asking"; readonly connection: PooledConnection; readonly bytesBefore: number }
  /** The head has been given out. */
  | {
      readonly is: "answering";
      readonly connection: PooledConnection;
      readonly incoming: IncomingResponse;
      readonly body: UpstreamBody;
      readonly framing: BodyFraming;
      readonly restMs: number;
    }
  /** So has the body; the connection becomes free in a moment, or closes. */
  | { readonly is: "complete"; readonly connection: PooledConnection; readonly restMs: number }
  /** It failed, was given up, or its connection is the receiver's. */
  | { readonly is: "over" };
