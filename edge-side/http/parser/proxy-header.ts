/**
 * The header of the PROXY protocol, version 1 or 2, by which a proxy says at the beginning of a connection whose it is
 * (haproxy.org/download/3.0/doc/proxy-protocol.txt). Pure. What else version 2 may say (TLV) is skipped.
 */
import { isIPv4, isIPv6 } from "node:net";
import ipaddr from "ipaddr.js";

export type ProxyHeader =
  /** More bytes are to come. */
  | { readonly kind: "more" }
  | { readonly kind: "bad"; readonly why: string }
  /** Of so many bytes. Without an address the connection is the proxy's own, or the proxy does not know whose it is. */
  | { readonly kind: "read"; readonly bytes: number; readonly address: string | undefined };

const MORE = { kind: "more" } as const;
const bad = (why: string) => ({ kind: "bad", why }) as const;

/** Section 2.1: with its CRLF. */
const MOST_V1_BYTES = 107;
/** Behind the first 16; certificates of TLS clients are the longest that proxies send there. @internal */
export const MOST_V2_BYTES = 4_096;
const V1_BEGINS = Buffer.from("PROXY ");
const V2_BEGINS = Buffer.from("\r\n\r\n\0\r\nQUIT\n", "latin1");
const V2_HEAD_BYTES = 16;

/** `bytes`: all that came so far, and more behind it perhaps. */
export const readProxyHeader = (bytes: Buffer): ProxyHeader => {
  if (begins(bytes, V2_BEGINS)) return bytes.length < V2_HEAD_BYTES ? MORE : readV2(bytes);
  if (begins(bytes, V1_BEGINS)) return readV1(bytes.subarray(0, MOST_V1_BYTES));
  return bad("it does not begin with one");
};

const begins = (bytes: Buffer, with_: Buffer): boolean =>
  bytes.subarray(0, with_.length).equals(with_.subarray(0, bytes.length));

const PORT = "(?:0|[1-9]\\d{0,4})";
const V1 = new RegExp(`^PROXY (?:UNKNOWN(?: .*)?|TCP([46]) (\\S+) (\\S+) (${PORT}) (${PORT}))$`);
const HIGHEST_PORT = 65_535;

const readV1 = (bytes: Buffer): ProxyHeader => {
  const end = bytes.indexOf("\r\n");
  if (end === -1) return bytes.length < MOST_V1_BYTES ? MORE : bad("its first line has no end");
  const [line, version, source = "", destination = "", ...ports] =
    V1.exec(bytes.toString("latin1", 0, end)) ?? [];
  if (line === undefined) return bad("its first line is none of version 1");
  const read = { kind: "read", bytes: end + 2 } as const;
  if (version === undefined) return { ...read, address: undefined };
  const isAddress = version === "4" ? isIPv4 : isIPv6;
  const known = [source, destination].every((each) => isAddress(each) && !each.includes("%"));
  if (!known || ports.some((port) => Number(port) > HIGHEST_PORT)) return bad("its addresses are none");
  return { ...read, address: ipaddr.process(source).toString() };
};

/** Version and command, by their byte. */
const LOCAL = 0x20;
const PROXY = 0x21;
/** Bytes of one address, by the byte of family and transport: TCP over IPv4, and over IPv6. */
const TCP: Readonly<Record<number, number>> = { 17: 4, 33: 16 };
/** Not said, and a unix socket. */
const WITHOUT_ADDRESS: ReadonlySet<number> = new Set([0x00, 0x31]);
const PORTS_BYTES = 4;

const readV2 = (bytes: Buffer): ProxyHeader => {
  const [command = 0, family = 0] = bytes.subarray(V2_BEGINS.length);
  const rest = bytes.readUInt16BE(V2_HEAD_BYTES - 2);
  if (command !== LOCAL && command !== PROXY) return bad("its version or command is not known");
  if (rest > MOST_V2_BYTES) return bad(`it is longer than ${MOST_V2_BYTES} bytes`);
  const addressBytes = TCP[family];
  if (command === PROXY && addressBytes === undefined && !WITHOUT_ADDRESS.has(family))
    return bad("it is of no TCP connection");
  if (command === PROXY && addressBytes !== undefined && rest < 2 * addressBytes + PORTS_BYTES)
    return bad("it is shorter than its addresses");
  if (bytes.length < V2_HEAD_BYTES + rest) return MORE;
  const read = { kind: "read", bytes: V2_HEAD_BYTES + rest } as const;
  if (command === LOCAL || addressBytes === undefined) return { ...read, address: undefined };
  const source = ipaddr.fromByteArray([...bytes.subarray(V2_HEAD_BYTES, V2_HEAD_BYTES + addressBytes)]);
  return { ...read, address: ipaddr.process(source.toString()).toString() };
};
