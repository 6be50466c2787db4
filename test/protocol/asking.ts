/** A client of one route, and what comes back from it: for tests that need no link. */

import type { Route } from "../../origin-side/config/route-config.ts";
import type { ResponseHead } from "../../protocol/http/head.ts";
import type { HeaderList } from "../../protocol/http/header-list.ts";
import { AsyncQueue } from "../../protocol/runtime/async-queue.ts";
import { systemClock } from "../../protocol/runtime/clock.ts";
import type { BodyEnd, RequestBody } from "../../protocol/upstream/body.ts";
import { type ClientOptions, UpstreamClient } from "../../protocol/upstream/upstream-client.ts";
import type { UpstreamRequest, UpstreamResponse } from "../../protocol/upstream/upstream-request.ts";
import { earnedTrust } from "../kit/earned-trust.ts";

export const HEAD_BYTES = 64 * 1024;

export const routeTo = (port: number, more: Partial<Route> = {}): Route => ({
  host: "www.example.com",
  path: "/",
  origin: { scheme: "http", address: { host: "127.0.0.1", port } },
  tls: undefined,
  hostHeader: { kind: "keep" },
  connectMs: 5_000,
  answerMs: 20_000,
  idleMs: 20_000,
  connections: 8,
  queueMs: 5_000,
  openStreams: 8,
  restMs: 4_000,
  ageMs: 300_000,
  leastRate: 1_024,
  askEncoded: "no",
  weight: 1,
  maxFails: 3,
  failMs: 10_000,
  ...more,
});

/** A client that closes with its test; of a web server that is trusted, unless `trust` says otherwise. */
export class TestClient extends UpstreamClient implements AsyncDisposable {
  constructor(route: Route, { clock = systemClock, ...options }: Partial<ClientOptions> = {}) {
    super(route, { clock, headBytes: HEAD_BYTES, trust: earnedTrust(clock), ...options });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }
}

/** A request's body that a test feeds. */
export class FedBody implements RequestBody {
  readonly #pieces = new AsyncQueue<Uint8Array | BodyEnd>();
  /** Bytes that the web server's socket took. */
  takenBytes = 0;

  next(): Promise<Uint8Array | BodyEnd> {
    return this.#pieces.next();
  }

  taken(bytes: number): void {
    this.takenBytes += bytes;
  }

  piece(text: string | Uint8Array): this {
    this.#pieces.push(typeof text === "string" ? Buffer.from(text, "latin1") : text);
    return this;
  }

  end(how: BodyEnd["how"] = "complete", trailers: HeaderList = []): this {
    this.#pieces.push({ how, trailers });
    return this;
  }
}

export interface Asked {
  readonly interims: ResponseHead[];
  readonly response: Promise<UpstreamResponse>;
  /** The visitor leaves. */
  leave(): void;
}

export const ask = (
  client: UpstreamClient,
  method = "GET",
  target = "/",
  more: { readonly fields?: HeaderList; readonly body?: RequestBody; readonly network?: string } = {},
): Asked => {
  const leaving = new AbortController();
  const interims: ResponseHead[] = [];
  const request: UpstreamRequest = {
    head: { method, target, fields: ["Host", "www.example.com", ...(more.fields ?? [])] },
    body: more.body,
    network: more.network,
    signal: leaving.signal,
    interim: (head) => interims.push(head),
  };
  const response = client.fetch(request);
  response.catch(() => {});
  return { interims, response, leave: () => leaving.abort(new Error("left")) };
};

export interface Heard {
  readonly head: ResponseHead;
  readonly body: string;
  readonly end: BodyEnd;
}

/** The whole of an ordinary response. */
export const heard = async (asked: Asked | Promise<UpstreamResponse>): Promise<Heard> => {
  const response = await ("response" in asked ? asked.response : asked);
  if (response.kind !== "answered") throw new Error("upgraded");
  const { head, body } = response;
  let text = "";
  for (;;) {
    const next = await body.next();
    if (!Buffer.isBuffer(next)) return { head, body: text, end: next };
    text += next.toString("latin1");
  }
};
