/**
 * The visitor's request as it goes on: fields of one hop dropped, and what an origin wants to know of the visitor added.
 * What a visitor says of itself is believed only from a trusted proxy. RFC 9110 sections 7.6 and 7.6.3, RFC 7239 in spirit.
 */
import { BlockList, isIPv6 } from "node:net";
import type { HeaderList } from "../protocol/wire/header-block.ts";
import { endToEnd, fieldOf, listOf, type RequestHead, withoutFields } from "../protocol/wire/http-head.ts";

export const VIA = "1.1 coilgun";

const FORWARDED = new Set([
  "x-forwarded-for",
  "x-forwarded-proto",
  "x-forwarded-host",
  "forwarded",
  "x-real-ip",
]);

export interface VisitorRequest {
  readonly method: string;
  readonly target: string;
  readonly fields: HeaderList;
  /** Of the connection's other end. */
  readonly address: string;
  readonly host: string;
}

/** Whether what the peer at this address says of others is believed. */
export type Trust = (address: string) => boolean;

export const trustOf = (
  networks: readonly { readonly address: string; readonly prefix: number }[],
): Trust => {
  const trusted = new BlockList();
  for (const { address, prefix } of networks)
    trusted.addSubnet(address, prefix, isIPv6(address) ? "ipv6" : "ipv4");
  return (address) => trusted.check(address, isIPv6(address) ? "ipv6" : "ipv4");
};

/** An IPv4 address that came over an IPv6 socket, as the IPv4 address it is. */
export const plainAddress = (address: string): string => address.replace(/^::ffff:(?=\d+\.)/i, "");

export const forwardRequest = (request: VisitorRequest, trusts: Trust): RequestHead => {
  const { method, target, address, host } = request;
  const onward = withoutFields(endToEnd(request.fields), ANSWERED_HERE);
  const via = listOf(request.fields, "via");
  const trusted = trusts(address);
  const fields = withoutFields(onward, trusted ? VIA_AND_FORWARDED_FOR : VIA_AND_FORWARDED);
  const before = trusted ? listOf(onward, "x-forwarded-for") : undefined;
  fields.push("X-Forwarded-For", before === undefined ? address : `${before}, ${address}`);
  if (!trusted || listOf(onward, "x-forwarded-proto") === undefined) fields.push("X-Forwarded-Proto", "http");
  if (!trusted || listOf(onward, "x-forwarded-host") === undefined)
    fields.push("X-Forwarded-Host", fieldOf(request.fields, "host") ?? host);
  fields.push("Via", via === undefined ? VIA : `${via}, ${VIA}`);
  return { method, target, fields };
};

const VIA_AND_FORWARDED: ReadonlySet<string> = new Set([...FORWARDED, "via"]);
const VIA_AND_FORWARDED_FOR: ReadonlySet<string> = new Set(["x-forwarded-for", "via"]);
/** The visitor server has sent 100 Continue itself, and refuses other expectations. */
const ANSWERED_HERE: ReadonlySet<string> = new Set(["expect"]);
