/**
 * The visitor's request as it goes on: fields of one hop dropped, and what an origin wants to know of the visitor added
 * (forwarded-fields). RFC 9110 sections 7.6 and 7.6.3.
 */
import { BlockList, isIPv6 } from "node:net";
import { FieldNames } from "../protocol/wire/field-names.ts";
import type { HeaderList } from "../protocol/wire/header-block.ts";
import { endToEnd, fieldOf, listOf, type RequestHead } from "../protocol/wire/http-head.ts";
import { withStrongIfMatch } from "./coded-head.ts";
import { forwardedFields, isAboutVisitors } from "./forwarded-fields.ts";
import { oneStepFurther } from "./max-forwards.ts";

/** What Via calls us. */
export const PSEUDONYM = "coilgun";

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

/** Fields of Coilgun's own, which nobody outside may set. */
const OWN = /^(?:x-)?coilgun-/i;
const VIA = new FieldNames(["via"]);
const EXPECT = new FieldNames(["expect"]);
const CONTINUES = /^100-continue$/i;

export const forwardRequest = (request: VisitorRequest, trusts: Trust): RequestHead => {
  const { method, target, version, upgrade } = request;
  const trusted = trusts(request.address);
  const continues = expectsContinue(request);
  const onward = oneStepFurther(method, endToEnd(request.fields));
  const fields: string[] = [];
  for (let i = 0; i + 1 < onward.length; i += 2) {
    const name = onward[i] as string;
    if (VIA.has(name) || (EXPECT.has(name) && !continues)) continue;
    if (!OWN.test(name) && !isAboutVisitors(name, trusted)) fields.push(name, onward[i + 1] as string);
  }
  fields.push(...forwardedFields(request, onward, trusted));
  const via = listOf(onward, "via");
  fields.push("Via", via === undefined ? `${version} ${PSEUDONYM}` : `${via}, ${version} ${PSEUDONYM}`);
  if (upgrade !== undefined) fields.push("Upgrade", upgrade);
  const announced = fieldOf(request.fields, "trailer");
  if (announced !== undefined) fields.push("Trailer", announced);
  // We take trailers, so what the visitor said about them holds for this hop too.
  if (TRAILERS.test(listOf(request.fields, "te") ?? "")) fields.push("TE", "trailers");
  return { method, target, fields: request.compress ? withStrongIfMatch(method, fields) : fields };
};

const TRAILERS = /(?:^|,)\s*trailers\s*(?:$|[,;])/i;

/** RFC 9110 section 10.1.1: an HTTP/1.0 visitor does not mean it. */
export const expectsContinue = ({ version, fields }: Pick<VisitorRequest, "version" | "fields">): boolean =>
  version !== "1.0" && CONTINUES.test(fieldOf(fields, "expect")?.trim() ?? "");
