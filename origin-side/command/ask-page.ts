/** Asks a route's web server as a visitor's request would, and reads its page as the answers read it: without the codings that hide it. */
import { isHostPattern } from "../../protocol/config/host-pattern.ts";
import { fieldOf, type RequestHead, type ResponseHead } from "../../protocol/http/head.ts";
import type { HeaderList } from "../../protocol/http/header-list.ts";
import { whyPassed } from "../../protocol/http/why-passed.ts";
import type { Clock } from "../../protocol/runtime/clock.ts";
import { MemoryBudget } from "../../protocol/runtime/memory-budget.ts";
import { authorityOf } from "../../protocol/upstream/upstream-address.ts";
import type { UpstreamClient } from "../../protocol/upstream/upstream-client.ts";
import type { UpstreamResponse } from "../../protocol/upstream/upstream-request.ts";
import { decodeResponse } from "../answer/decode-response.ts";
import type { Route } from "../config/route-config.ts";
import { upstreamRequest } from "../request/upstream-head.ts";

export interface SeenPage {
  readonly head: ResponseHead;
  /** Undefined: larger than a page may be. Empty: it passes, and was not read. */
  readonly body: Buffer | undefined;
  /** From the head to the end of the body. */
  readonly bodyMs: number;
}

/** The page of a route, for a visitor who sends these fields too. Rejects as `UpstreamClient.fetch`. */
export type AskPage = (fields: HeaderList, signal: AbortSignal) => Promise<SeenPage>;

/** A redirect to another page of the route is followed so often. */
const MOST_REDIRECTS = 3;
/** For a decoder's window. */
const DECODING_BYTES = 64 * 1024 * 1024;

const hostOf = (route: Route): string => (isHostPattern(route.host) ? authorityOf(route.origin) : route.host);

/** HEAD of a route's path. Resolves with the response's head alone. */
export const askForHead = async (
  route: Route,
  client: UpstreamClient,
  signal: AbortSignal,
): Promise<ResponseHead> =>
  (await ask({ method: "HEAD", target: route.path, fields: [] }, route, client, signal)).response.head;

export const pageOf =
  (
    route: Route,
    client: UpstreamClient,
    options: { readonly clock: Clock; readonly pageBytes: number },
  ): AskPage =>
  async (fields, signal) => {
    let target = route.path;
    for (let redirects = 0; ; redirects++) {
      const asked = { method: "GET", target, fields: ["Accept-Encoding", "gzip, br, zstd", ...fields] };
      const { request, response } = await ask(asked, route, client, signal);
      if (response.kind === "upgraded") throw new Error("an upgrade that nobody asked for");
      const next = redirects < MOST_REDIRECTS ? nextTarget(route, target, response.head) : undefined;
      if (next === undefined) return read(request, response, signal, options);
      response.discard();
      target = next;
    }
  };

const ask = async (
  { method, target, fields }: RequestHead,
  route: Route,
  client: UpstreamClient,
  signal: AbortSignal,
): Promise<{ readonly request: RequestHead; readonly response: UpstreamResponse }> => {
  const own = ["Host", hostOf(route), "User-Agent", "coilgun-origin check", ...fields];
  const request = { method, target, fields: own };
  const head = upstreamRequest(request, route, { askEncoded: route.askEncoded, wasStrong: () => false });
  return { request, response: await client.fetch({ head, body: undefined, signal, interim: () => {} }) };
};

/** Where a redirect leads on within the route. */
const nextTarget = (route: Route, target: string, { status, fields }: ResponseHead): string | undefined => {
  const location = fieldOf(fields, "location");
  if (status < 300 || status >= 400 || location === undefined) return undefined;
  const from = URL.parse(target, `http://${hostOf(route)}`);
  const to = URL.parse(location, from?.href);
  if (to === null || to.host !== from?.host) return undefined;
  const next = to.pathname + to.search;
  return next !== target && next.startsWith(route.path) ? next : undefined;
};

const read = async (
  request: RequestHead,
  response: Extract<UpstreamResponse, { kind: "answered" }>,
  signal: AbortSignal,
  { clock, pageBytes }: { readonly clock: Clock; readonly pageBytes: number },
): Promise<SeenPage> => {
  const since = clock.now();
  const memory = new MemoryBudget({ totalBytes: DECODING_BYTES, shareBytes: DECODING_BYTES });
  const { head, body } = await decodeResponse(request, response, { memory, keyId: "", pageBytes }, signal);
  const seen = (page: Buffer | undefined) => ({ head, body: page, bodyMs: clock.now() - since });
  const pieces: Buffer[] = [];
  let bytes = 0;
  try {
    if (head.status !== 200 || whyPassed("GET", head) !== undefined) return seen(Buffer.alloc(0));
    for (;;) {
      const next = await body.next();
      if (!Buffer.isBuffer(next)) return seen(Buffer.concat(pieces));
      pieces.push(next);
      bytes += next.length;
      if (bytes > pageBytes) return seen(undefined);
    }
  } finally {
    response.discard();
  }
};
