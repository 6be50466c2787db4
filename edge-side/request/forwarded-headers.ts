/**
 * Who the visitor is, told to the origin server: X-Forwarded-For, -Proto and -Host, and Forwarded (RFC 7239) where a proxy
 * before us already speaks it. What a request says of this itself is believed from trusted proxies only.
 */
import { isIPv6 } from "node:net";
import { FieldNames } from "../../protocol/http/field-names.ts";
import { listOf } from "../../protocol/http/head.ts";
import type { HeaderList } from "../../protocol/http/header-list.ts";
import type { VisitorRequest } from "../exchange/visitor-request.ts";

/** Always written anew, from what stood in them. */
const REWRITTEN = new FieldNames(["x-forwarded-for", "forwarded"]);
/** Everything else that proxies say of visitors. */
const BY_PROXIES = /^(?:x-forwarded-.*|x-real-ip|x-client-ip|x-cluster-client-ip|true-client-ip)$/i;

/** Whether a field of this name is left out, because it is written anew, or not believed. */
export const isAboutVisitors = (name: string, trusted: boolean): boolean =>
  REWRITTEN.has(name) || (!trusted && BY_PROXIES.test(name));

/** What is added to the request; `before` are its fields as they came. */
export const forwardedFields = (
  { address, authority, scheme }: VisitorRequest,
  before: HeaderList,
  trusted: boolean,
): string[] => {
  const said = (name: string) => (trusted ? listOf(before, name) : undefined);
  const visitors = said("x-forwarded-for");
  const added = ["X-Forwarded-For", visitors === undefined ? address : `${visitors}, ${address}`];
  if (said("x-forwarded-proto") === undefined) added.push("X-Forwarded-Proto", scheme);
  if (said("x-forwarded-host") === undefined) added.push("X-Forwarded-Host", authority);
  const forwarded = said("forwarded");
  // Alone it would tell nothing that the other three do not; but one that ends before us would tell less than is true.
  if (forwarded !== undefined)
    added.push("Forwarded", `${forwarded}, for=${nodeOf(address)};proto=${scheme}`);
  return added;
};

/** RFC 7239 section 6: an IPv6 address stands in brackets, and in quotes. */
const nodeOf = (address: string): string => (isIPv6(address) ? `"[${address}]"` : address);
