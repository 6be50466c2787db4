/**
 * Asks the web server, for content codings that suit the link. Where the response names a coding that its body does not have, a GET is
 * asked once more with the visitor's own Accept-Encoding, since that changes nothing there. SPEC section "Encodings".
 */
import type { DecodableCoding } from "../../protocol/http/accept-encoding.ts";
import { isEventStream } from "../../protocol/http/compressible.ts";
import { listOf, type RequestHead, type ResponseHead } from "../../protocol/http/head.ts";
import { codingOf } from "../../protocol/http/representation.ts";
import { visitorNetwork } from "../../protocol/http/visitor-network.ts";
import type { RequestBody } from "../../protocol/upstream/body.ts";
import type { UpstreamResponse } from "../../protocol/upstream/upstream-request.ts";
import { deniesCoding } from "../answer/first-bytes.ts";
import type { Route } from "../config/route-config.ts";
import type { IncomingExchange } from "../exchange/incoming-exchange.ts";
import type { MislabellingRoutes } from "../exchange/mislabelling-routes.ts";
import type { StrongTags } from "../exchange/strong-tags.ts";
import { upstreamRequest } from "../request/upstream-head.ts";
import type { Fetched } from "../upstream/upstreams.ts";
import type { RoutedRequest } from "./routes.ts";

export interface AskDependencies {
  readonly keyId: string;
  /** The process at the other end of the link. */
  readonly edgeInstance: string;
  readonly strongTags: StrongTags;
  readonly mislabelling: MislabellingRoutes;
}

/** Rejects with StreamError, or with the reason for which the exchange is gone. */
export const askUpstream = async (
  exchange: IncomingExchange,
  body: RequestBody | undefined,
  { upstreams, head: ownHead }: RoutedRequest,
  { keyId, edgeInstance, strongTags, mislabelling }: AskDependencies,
): Promise<Fetched> => {
  const { request, host, gone: signal } = exchange;
  const url = { keyId, host, target: request.target };
  const asking = (route: Route, askEncoded: Route["askEncoded"]): RequestHead =>
    upstreamRequest(request, route, { askEncoded, wasStrong: (tag) => strongTags.has(url, tag) });
  const { visitorConnection } = exchange;
  const shared = {
    body,
    signal,
    boundTo: visitorConnection ? `${keyId} ${edgeInstance} ${visitorConnection}` : undefined,
    network: visitorNetwork(request.fields),
    interim: (head: ResponseHead) => exchange.interim(head),
  };
  const headFor = (route: Route): RequestHead => {
    const askEncoded = mislabelling.askEncoded(route);
    return ownHead !== undefined && askEncoded === route.askEncoded ? ownHead : asking(route, askEncoded);
  };
  const fetched = await upstreams.fetch(request, headFor, shared);
  const { upstream, head } = fetched;
  let { response } = fetched;
  if (response.kind === "answered" && request.method === "GET" && body === undefined) {
    const coding = codingOf(response.head.fields);
    if (coding !== undefined && asksOtherwise(head, request) && (await isDenied(coding, response))) {
      response.discard();
      mislabelling.found(upstream.route, request.target, coding);
      response = await upstream.fetch({ ...shared, head: asking(upstream.route, "visitor") });
    }
  }
  if (response.kind === "answered") strongTags.seen(url, response.head, request.fields);
  return { response, upstream, head };
};

const asksOtherwise = (head: RequestHead, visitors: RequestHead): boolean =>
  listOf(head.fields, "accept-encoding") !== listOf(visitors.fields, "accept-encoding");

/** Whether the body cannot have the coding that its head names. */
const isDenied = async (
  coding: DecodableCoding,
  { head, body }: Extract<UpstreamResponse, { kind: "answered" }>,
): Promise<boolean> => {
  // The head of an event stream does not wait for its first event.
  if (isEventStream(head.fields)) return false;
  const first = await body.ahead();
  return Buffer.isBuffer(first) && deniesCoding(first, coding);
};
