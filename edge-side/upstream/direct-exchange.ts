/**
 * One request asked of a web server straight from the edge, by no link: the visitor's body goes there as it comes, interim heads come
 * back, and no head that could not go to a visitor. Nothing is coded, offered or remembered here.
 */
import { StreamError, type StreamErrorCode } from "../../protocol/errors.ts";
import { type RequestHead, type ResponseHead, responseHeadToList } from "../../protocol/http/head.ts";
import { visitorNetwork } from "../../protocol/http/visitor-network.ts";
import type { BodyEnd, RequestBody } from "../../protocol/upstream/body.ts";
import { joinUpgraded } from "../../protocol/upstream/upgraded-stream.ts";
import type { UpstreamClient } from "../../protocol/upstream/upstream-client.ts";
import type { UpstreamResponse } from "../../protocol/upstream/upstream-request.ts";
import type { UploadBody } from "../exchange/upload-body.ts";
import type { Visitor, Waiting } from "../exchange/visitor.ts";
import { headForVisitor } from "../http/sanitize-head.ts";

/** A request as it goes on. */
export interface DirectRequest {
  readonly head: RequestHead;
  /** See UpstreamRequest. */
  readonly boundTo: string | undefined;
}

/** Its web server's client watches both by itself. */
const UNWATCHED: Waiting = { pause() {}, resume() {} };

export class DirectExchange {
  readonly #visitor: Visitor;
  readonly #given = new AbortController();
  #body: VisitorsBody | undefined;

  constructor(visitor: Visitor) {
    this.#visitor = visitor;
  }

  /** Asks once. Its head is one that the visitor may get. Rejects with StreamError. */
  async ask(
    client: Pick<UpstreamClient, "fetch">,
    { head, boundTo }: DirectRequest,
  ): Promise<UpstreamResponse> {
    const visitor = this.#visitor;
    if (visitor.hasBody || visitor.upgrade !== undefined)
      this.#body = new VisitorsBody(visitor.uploadBody(UNWATCHED));
    const response = await client.fetch({
      head,
      body: this.#body,
      boundTo,
      signal: this.#given.signal,
      network: visitorNetwork(head.fields),
      interim: (interim) => this.#interim(interim),
    });
    return { ...response, head: headForVisitor(responseHeadToList(response.head), "final") };
  }

  /** Carries what both say after 101, until both have ended. Resolves with the web server's bytes; rejects with StreamError. */
  join({ connection }: Extract<UpstreamResponse, { kind: "upgraded" }>): Promise<number> {
    const visitor = this.#visitor;
    const toVisitor = {
      gone: this.#given.signal,
      data: (bytes: Uint8Array) => visitor.body(bytes as Buffer),
      endHalf: () => visitor.end([]),
    };
    if (this.#body === undefined) throw new StreamError("origin-failed", "101, and nobody asked for it");
    return joinUpgraded(toVisitor, this.#body, connection);
  }

  /** Gives it up, if it is not over. */
  cancel(code: StreamErrorCode): void {
    this.#given.abort(new StreamError(code, `the exchange ended: ${code}`));
  }

  /** It is over, and nobody wants more of either side. */
  close(how: "answered" | "failed"): void {
    this.cancel("cancelled");
    this.#body?.close(how);
  }

  #interim(head: ResponseHead): void {
    try {
      this.#visitor.interim(headForVisitor(responseHeadToList(head), "interim"));
    } catch (cause) {
      this.#given.abort(
        cause instanceof StreamError ? cause : new StreamError("internal", String(cause), { cause }),
      );
    }
  }
}

/** What the visitor sends, as the client of web servers pulls it. Its own queue bounds what waits. */
class VisitorsBody implements RequestBody {
  readonly #upload: UploadBody;

  constructor(upload: UploadBody) {
    this.#upload = upload;
  }

  async next(): Promise<Uint8Array | BodyEnd> {
    const next = await this.#upload.next();
    if (next === undefined) throw new StreamError("cancelled", "nobody wants the rest of the body");
    return Buffer.isBuffer(next) ? next : { how: "complete", trailers: next.trailers };
  }

  taken(): void {}

  close(how: "answered" | "failed"): void {
    if (how === "answered") this.#upload.drop();
    else this.#upload.lost();
  }
}

/** The body of a response, piece by piece. Throws StreamError when the web server fails within it. */
export async function* piecesOf({
  body,
}: Extract<UpstreamResponse, { kind: "answered" }>): AsyncGenerator<Buffer, BodyEnd> {
  for (;;) {
    const next = body.take() ?? (await body.next());
    if (!Buffer.isBuffer(next)) return next;
    yield next;
  }
}
