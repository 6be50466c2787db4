/**
 * At which address a visitor is, as far as that is certain: the peer's own, if it is one of the Internet and forwards for nobody, or
 * the one that proxies which are believed name. Behind any other proxy everybody has the same. SPEC section "Scope".
 */
import { listOf } from "../../protocol/http/head.ts";
import {
  addressIn,
  isPublic,
  neighbourhoodOf,
  ownerOf,
  unmapped,
} from "../../protocol/runtime/ip-address.ts";
import type { VisitorPlace } from "../../protocol/scope/credentials.ts";
import { wasForwarded } from "./visitor-connection.ts";
import type { Trust, VisitorRequest } from "./visitor-request.ts";

/** Undefined where nobody knows. */
export const placeOf = (
  visitor: Pick<VisitorRequest, "address" | "fields">,
  trusts: Trust,
): VisitorPlace | undefined => {
  const address = addressOf(visitor, trusts);
  return address === undefined ? undefined : { owner: ownerOf(address), network: neighbourhoodOf(address) };
};

/** For logs: whom proxies that are believed name, else the peer itself. */
export const clientOf = (visitor: Pick<VisitorRequest, "address" | "fields">, trusts: Trust): string =>
  (trusts(visitor.address) ? addressOf(visitor, trusts) : undefined) ?? unmapped(visitor.address);

const addressOf = (
  { address, fields }: Pick<VisitorRequest, "address" | "fields">,
  trusts: Trust,
): string | undefined => {
  if (!trusts(address)) {
    const own = unmapped(address);
    return isPublic(own) && !wasForwarded(fields) ? own : undefined;
  }
  const listed = listOf(fields, "x-forwarded-for");
  const forwarded = listOf(fields, "forwarded");
  const [first, second] = [
    listed === undefined ? undefined : named(listed.split(","), trusts),
    forwarded === undefined ? undefined : named(forwarded.split(",").map(nodeIn), trusts),
  ];
  if (listed === undefined || forwarded === undefined) return first ?? second;
  // A proxy that adds to one of them passes on what its visitor wrote in the other.
  return first === second ? first : undefined;
};

/** The nearest that is none of the proxies, for farther ones anybody may have written; if all are, the farthest. */
const named = (entries: readonly string[], trusts: Trust): string | undefined => {
  let address: string | undefined;
  for (const entry of entries.toReversed()) {
    const read = addressIn(entry);
    if (read === undefined) return undefined;
    address = unmapped(read);
    if (!trusts(address)) return address;
  }
  return address;
};

/** RFC 7239 section 6. */
const nodeIn = (element: string): string => /(?:^|;)\s*for=("[^"]*"|[^;]*)/i.exec(element)?.[1] ?? "";
