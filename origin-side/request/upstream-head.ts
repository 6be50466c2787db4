/**
 * The request as the web server is meant to understand it. A page travels as a delta only if its own bytes can be seen: a
 * web server on this machine is asked for them as they are, another one for an encoding that is undone here, so that its
 * network carries no more than before. Parts of a page are not touched. SPEC section "Encodings".
 */

import { ASKED_CODINGS, acceptedOf } from "../../protocol/http/accept-encoding.ts";
import { FieldNames } from "../../protocol/http/field-names.ts";
import { fieldOf, type RequestHead, withoutFields } from "../../protocol/http/head.ts";
import type { HeaderList } from "../../protocol/http/header-list.ts";
import { isUntouchable, withStrongIfMatch } from "../../protocol/http/representation.ts";
import { authorityOf } from "../../protocol/upstream/upstream-address.ts";
import type { Route } from "../config/route-config.ts";

const ACCEPT_ENCODING = new FieldNames(["accept-encoding"]);
const HOST = new FieldNames(["host"]);

export const upstreamRequest = (
  request: RequestHead,
  route: Pick<Route, "origin" | "hostHeader" | "askEncoded">,
): RequestHead => {
  // Tags of bodies that are decoded here are given out weak.
  const fields = route.askEncoded ? withStrongIfMatch(request.method, request.fields) : request.fields;
  return { ...request, fields: withHost(withCodings(fields, route), route) };
};

const withCodings = (fields: HeaderList, { askEncoded }: Pick<Route, "askEncoded">): HeaderList => {
  if (isUntouchable(fields)) return fields;
  const accepted = askEncoded ? acceptedOf(fields, ASKED_CODINGS).join(", ") : "";
  return [...withoutFields(fields, ACCEPT_ENCODING), "Accept-Encoding", accepted || "identity"];
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
