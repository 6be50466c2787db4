/** A visitor's request as it came, and who is believed about it. */

import { BlockList, isIPv6 } from "node:net";
import { fieldOf } from "../../protocol/http/head.ts";
import type { HeaderList } from "../../protocol/http/header-list.ts";

export interface VisitorRequest {
  readonly method: string;
  /** In origin-form, byte for byte; `*` for the server itself. */
  readonly target: string;
  readonly fields: HeaderList;
  /** Of the connection's other end. */
  readonly address: string;
  /** As the request names it, lower case, without port. */
  readonly host: string;
  /** As the request names it, with its port. */
  readonly authority: string;
  readonly scheme: "http" | "https";
  /** The HTTP version of the request. */
  readonly version: "1.0" | "1.1" | "2.0";
  /** What the connection is to become, in the words of an Upgrade field; undefined: it stays HTTP. */
  readonly upgrade: string | undefined;
  /** Whether pages may be compressed for this visitor. */
  readonly compress: boolean;
}

/** Whether what the peer at this address says of others is believed. */
export type Trust = (address: string) => boolean;
export const trustOf = (
  networks: readonly { readonly address: string; readonly prefix: number }[],
): Trust => {
  if (networks.length === 0) return () => false;
  const trusted = new BlockList();
  for (const { address, prefix } of networks)
    trusted.addSubnet(address, prefix, isIPv6(address) ? "ipv6" : "ipv4");
  return (address) => trusted.check(address, isIPv6(address) ? "ipv6" : "ipv4");
};

/** An IPv4 address that came over an IPv6 socket as the IPv4 address it is, and none with the name of an interface. */
export const plainAddress = (address: string): string =>
  address.replace(/^::ffff:(?=\d+\.)/i, "").replace(/%.*$/, "");
const CONTINUES = /^100-continue$/i;

/** RFC 9110 section 10.1.1: an HTTP/1.0 visitor does not mean it. */
export const expectsContinue = ({ version, fields }: Pick<VisitorRequest, "version" | "fields">): boolean =>
  version !== "1.0" && CONTINUES.test(fieldOf(fields, "expect")?.trim() ?? "");
