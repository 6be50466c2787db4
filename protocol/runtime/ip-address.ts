/**
 * Addresses of peers: in one form, whose they are, and whether they lie in one of several networks. RFC 4291.
 */
import { BlockList, isIP, isIPv6, type Socket } from "node:net";
import { type NetworkInterfaceInfo, networkInterfaces } from "node:os";
import ipaddr from "ipaddr.js";

/** An IPv4 address that came over an IPv6 socket as the IPv4 address it is, and none with the name of an interface. */
export const plainAddress = (address: string): string =>
  address.replace(/^::ffff:(?=\d+\.)/i, "").replace(/%.*$/, "");

/** A connection by the addresses and ports of both ends, which a TLS socket has of the one that it wraps. */
export const endsOf = ({ remoteAddress, remotePort, localAddress, localPort }: Socket): string =>
  `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`;

/**
 * Every address of this machine, as the host of host:port: those of IPv4 and IPv6, or those of IPv4 alone where none of the machine's
 * `interfaces` has one of IPv6, as the system then refuses `[::]`.
 */
export const everyAddress = (
  interfaces: Readonly<Record<string, readonly NetworkInterfaceInfo[] | undefined>> = networkInterfaces(),
): "[::]" | "0.0.0.0" =>
  Object.values(interfaces).some((all) => all?.some(({ family }) => family === "IPv6")) ? "[::]" : "0.0.0.0";

/** The address in an entry of X-Forwarded-For or Forwarded, behind which some proxies write a port; undefined where there is none. */
export const addressIn = (entry: string): string | undefined => {
  const text = entry.trim().replace(/^"(.*)"$/, "$1");
  const [, bracketed] = /^\[([^\]]*)\](?::\d+)?$/.exec(text) ?? [];
  const address = plainAddress(bracketed ?? text.replace(/^([\d.]+):\d+$/, "$1"));
  return isIP(address) === 0 ? undefined : address;
};

/** An IPv6 address that stands for an IPv4 one (RFC 4291 section 2.5.5, RFC 6052, RFC 3056) as that; others as they are. */
export const unmapped = (address: string): string => {
  if (!address.includes(":") || !isIPv6(address)) return address;
  const parsed = ipaddr.IPv6.parse(address);
  const at = IPV4_WITHIN[parsed.range()];
  return at === undefined
    ? address
    : parsed
        .toByteArray()
        .slice(at, at + 4)
        .join(".");
};

/** Where in its bytes. */
const IPV4_WITHIN: Readonly<Record<string, number | undefined>> = { ipv4Mapped: 12, rfc6052: 12, "6to4": 2 };

/** 64 of 128 bits, in groups of 16. */
const OWNER_GROUPS = 4;

/** Whose a plain address is: an IPv4 address, or the /64 of an IPv6 address, of which one owner has them all. */
export const ownerOf = (address: string): string =>
  isIPv6(address)
    ? ipaddr.IPv6.parse(address)
        .parts.slice(0, OWNER_GROUPS)
        .map((group) => group.toString(16))
        .join(":")
    : address;

/** Of this machine, or of networks behind it. */
const INNER: ReadonlySet<string> = new Set([
  "loopback",
  "private",
  "uniqueLocal",
  "linkLocal",
  "carrierGradeNat",
  "unspecified",
]);

/** Whether a plain address is one of the Internet. */
export const isPublic = (address: string): boolean =>
  ipaddr.isValid(address) && !INNER.has(ipaddr.parse(address).range());

/** Bytes of an address that name a network as one provider gives it out: IPv4 /24, IPv6 /48. */
const NETWORK_BYTES = { ipv4: 3, ipv6: 6 } as const;

/** The network of a plain address: an IPv4 /24 or an IPv6 /48. */
export const networkOf = (address: string): string => {
  const parsed = ipaddr.parse(address);
  return `${parsed.kind()} ${parsed.toByteArray().slice(0, NETWORK_BYTES[parsed.kind()]).join(".")}`;
};

/** Who may be one person: an IPv4 /24, or an IPv6 /32, which one provider has, and of which everybody can rent many networks. */
export const neighbourhoodOf = (address: string): string =>
  isIPv6(address) ? ipaddr.IPv6.parse(address).parts.slice(0, 2).join(":") : networkOf(address);

/**
 * Whether a plain address lies in one of the networks. Node's BlockList, asked for every request, takes 0.3 to 1 us; the trust
 * function of `proxy-addr` takes 1.4 to 3.6 us, and it has no network of all addresses.
 */
export const inNetworks = (
  networks: readonly { readonly address: string; readonly prefix: number }[],
): ((address: string) => boolean) => {
  if (networks.length === 0) return () => false;
  const list = new BlockList();
  for (const { address, prefix } of networks) list.addSubnet(address, prefix, familyOf(address));
  return (address) => list.check(address, familyOf(address));
};

const familyOf = (address: string): "ipv6" | "ipv4" => (isIPv6(address) ? "ipv6" : "ipv4");
