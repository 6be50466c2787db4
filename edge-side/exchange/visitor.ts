/**
 * A visitor's request and the response to it, as the story sees them, whatever version of HTTP they came in: HTTP/1.x
 * (http1-visitor), HTTP/2 (http2-visitor), or an upgrade to something else (upgrade-visitor). Nothing is written to a visitor
 * that has left. SPEC section "Visitors".
 */
import { StreamError, type StreamErrorCode } from "../../protocol/errors.ts";
import { listOf, type ResponseHead } from "../../protocol/http/head.ts";
import type { HeaderList } from "../../protocol/http/header-list.ts";
import type { InactivityTimer } from "../../protocol/runtime/inactivity-timer.ts";
import type { UploadBody } from "./upload-body.ts";
import type { RepeatedHead, VisitorRequest } from "./visitor-request.ts";

/** The time that the web server has to answer: it stands still while it is the visitor that is waited for. */
export type Waiting = Pick<InactivityTimer, "pause" | "resume">;

/** Who serves a visitor, and wants to know when that has become useless. */
export interface VisitorListener {
  /** The visitor has left before its response was complete. */
  left(): void;
}

export interface Visitor extends VisitorRequest {
  /** RFC 9218: 0 first, 7 last. */
  readonly urgency: number;
  readonly incremental: boolean;
  /** The same for requests of one connection with the very same head; undefined where none came before. */
  readonly repeated: RepeatedHead | undefined;
  readonly hasBody: boolean;
  /** Some of the body was read and not kept, so the request cannot be sent again. */
  readonly bodyTouched: boolean;
  /** A head went out, or cannot go out any more. */
  readonly answered: boolean;
  /** Bytes of bodies that its connection was given. */
  readonly sentBytes: number;
  /** This one is told when the visitor leaves, at once if it has left already; nobody else is any more. */
  listen(listener: VisitorListener): void;
  /**
   * The body of the request, or what an upgraded connection sends: read from now on. `waiting` is told who is waited for. A
   * request that goes to another link, with `bodyTouched` false, asks once more.
   */
  uploadBody(waiting: Waiting): UploadBody;
  /** An interim (1xx) head; where the visitor's HTTP knows none, it is dropped. */
  interim(head: ResponseHead): void;
  /** The head; it leaves with the first of the body, or by `flush`. Throws StreamError for one that cannot be sent. */
  head(head: ResponseHead, may?: { readonly trailers: boolean }): void;
  /** What is here goes out now. */
  flush(): void;
  /** Resolves when the visitor takes more. Throws StreamError when it has left. */
  body(bytes: Buffer): Promise<void>;
  /** `trailers`: clean already. `last`: all of a body below PART_BYTES, to a visitor without `upgrade`. Throws as `body` does. */
  end(trailers: HeaderList, last?: Buffer): void;
  /** An error page, or a visible cut where a head is out already. `cause`: the first error. Returns the status. */
  fail(code: StreamErrorCode, cause?: unknown): number;
}

/** What a line of the access log says of a request beside its record. */
export type LoggedRequest = Pick<
  Visitor,
  "method" | "fields" | "address" | "scheme" | "version" | "sentBytes"
>;

/** One that was refused by its head, of which nothing need be as it should. */
export type RefusedRequest = LoggedRequest & Pick<Visitor, "target" | "authority">;

/** Who serves visitors, whatever they came by. */
export interface VisitorTaker {
  serve(visitor: Visitor): void;
  /** Told of a request that got this status in place of being served. */
  refused(request: RefusedRequest, status: number): void;
}

/** What every visitor's connection is given by the listener that took it. */
export interface ListenerTraits {
  readonly scheme: "http" | "https";
  readonly compress: boolean;
  /** Strict-Transport-Security for responses that have none; undefined over plain HTTP. */
  readonly hsts: string | undefined;
  readonly redirect: "off" | "https";
}

const SAFE_METHODS: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);

/** Asking twice changes nothing at the origin. */
export const isSafe = ({ method, hasBody, upgrade }: Visitor): boolean =>
  SAFE_METHODS.has(method) && !hasBody && upgrade === undefined;

/** RFC 9218 section 4.1. */
const DEFAULT_URGENCY = 3;

/** RFC 9218, of a Priority field: an unreadable one counts as none. */
export const priorityOf = (
  fields: HeaderList,
): { readonly urgency: number; readonly incremental: boolean } => {
  const asked = listOf(fields, "priority") ?? "";
  const urgency = /(?:^|,)\s*u=([0-7])\s*(?=$|[,;])/.exec(asked)?.[1];
  return {
    urgency: urgency === undefined ? DEFAULT_URGENCY : Number(urgency),
    incremental: /(?:^|,)\s*i(?:=\?1)?\s*(?=$|[,;])/.test(asked),
  };
};

export const NO_BYTES = Buffer.alloc(0);

export const hasLeft = (): StreamError => new StreamError("cancelled", "the visitor has left");

/** Of a visitor that gets nothing more, `last` of a body included. */
export const endUnheard = (last: Buffer): void => {
  if (last.length > 0) throw hasLeft();
};

/** Pieces of a body are written in parts of this size, so that a slow visitor is seen to take them. */
export const PART_BYTES = 64 * 1024;
