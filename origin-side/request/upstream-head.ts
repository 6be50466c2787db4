/**
 * The request as the web server is meant to understand it. A page travels as a delta only if its own bytes can be seen: a
 * web server on this machine is asked for them as they are, another one for an encoding that is undone here, so that its
 * network carries no more than before. On behalf of a visitor that wants no coding, and where the request is about exact
 * bytes or its Accept-Encoding is signed, nothing is changed. SPEC section "Encodings".
 */

import { acceptedCodings, codingsToAsk } from "../../protocol/http/accept-encoding.ts";
import { withStrongTags } from "../../protocol/http/entity-tag.ts";
import { FieldNames } from "../../protocol/http/field-names.ts";
import { fieldOf, type RequestHead, withoutFields } from "../../protocol/http/head.ts";
import type { HeaderList } from "../../protocol/http/header-list.ts";
import { isUntouchable, mapped } from "../../protocol/http/representation.ts";
import { isSigned } from "../../protocol/http/signature.ts";
import { authorityOf } from "../../protocol/upstream/upstream-address.ts";
import type { Route } from "../config/route-config.ts";

const ACCEPT_ENCODING = new FieldNames(["accept-encoding"]);
const HOST = new FieldNames(["host"]);

export interface UpstreamWish {
  /** The codings that the web server is asked for. */
  readonly askEncoded: Route["askEncoded"];
  /** Whether the web server gave this strong entity tag for the URL; undefined: the request has no conditions. */
  wasStrong?(tag: string): boolean;
}

export const upstreamRequest = (
  request: RequestHead,
  route: Pick<Route, "origin" | "hostHeader">,
  wish: UpstreamWish,
): RequestHead => {
  const fields = withOwnTags(request, wish);
  return { ...request, fields: withHost(withCodings({ ...request, fields }, wish), route) };
};

const SAFE: ReadonlySet<string> = new Set(["GET", "HEAD"]);
const WEAK_TAG = 'W/"';

/**
 * A tag that was weakened on the way to the visitor goes back in the form that the web server gave it in. Not in If-Match of
 * GET and HEAD, nor in If-Range, where it guards the bytes of one coding, and a weak one has to match nothing.
 */
const withOwnTags = (request: RequestHead, { wasStrong }: UpstreamWish): HeaderList => {
  let { fields } = request;
  if (wasStrong === undefined) return fields;
  for (const name of ["if-none-match", "if-match"] as const) {
    if (name === "if-match" && SAFE.has(request.method)) continue;
    if (fieldOf(fields, name) === undefined || isSigned(request, name)) continue;
    fields = mapped(fields, name, (list) =>
      list.includes(WEAK_TAG) ? withStrongTags(list, wasStrong) : list,
    );
  }
  return fields;
};

const withCodings = (request: RequestHead, { askEncoded }: UpstreamWish): HeaderList => {
  const { fields } = request;
  if (askEncoded === "visitor" || acceptedCodings(fields).length === 0) return fields;
  if (isUntouchable(fields) || isSigned(request, "accept-encoding")) return fields;
  const asked = askEncoded === "yes" ? codingsToAsk(fields).join(", ") : "identity";
  return [...withoutFields(fields, ACCEPT_ENCODING), "Accept-Encoding", asked];
};

/** Never two of them, and never none: HTTP/1.1 knows neither. */
const withHost = (
  fields: HeaderList,
  { hostHeader, origin }: Pick<Route, "origin" | "hostHeader">,
): HeaderList => {
  const kept = hostHeader.kind === "keep" ? fieldOf(fields, "host") : undefined;
  const host = hostHeader.kind === "set" ? hostHeader.value : (kept ?? authorityOf(origin));
  return ["Host", host, ...withoutFields(fields, HOST)];
};
