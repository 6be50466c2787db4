/** With which status a request is refused that node's parser could not read. RFC 9110 section 15. */
import { METHODS } from "node:http";

const TOKEN_AND_SPACE = /^(?:\r?\n)*([\w!#$%&'*+.^`|~-]+) /;
const OTHER_VERSION = /^[^\r\n]+ HTTP\/(?!1\.[01])\d\.\d\r\n/m;
const KNOWN_METHODS: ReadonlySet<string> = new Set(METHODS);

/** What to say of an error of node's parser; undefined where the connection is gone. */
export const statusOf = (
  code: string,
  packet: Buffer | undefined,
  parsed: number,
  targetBytes: number,
): number | undefined => {
  switch (code) {
    case "HPE_INVALID_METHOD":
      return methodAt(packet, parsed) === undefined ? 400 : 501;
    case "HPE_INVALID_VERSION":
      return packet !== undefined && OTHER_VERSION.test(packet.toString("latin1")) ? 505 : 400;
    case "HPE_HEADER_OVERFLOW":
      return packet !== undefined && isTargetTooLong(packet, targetBytes) ? 414 : 431;
    case "HPE_CHUNK_EXTENSIONS_OVERFLOW":
      return 413;
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return 408;
    default:
      return code.startsWith("HPE_") ? 400 : undefined;
  }
};

/** A head that is too large by its first line, whether or not that has come to its end. */
const isTargetTooLong = (packet: Buffer, targetBytes: number): boolean => {
  const end = packet.indexOf("\n");
  return methodAt(packet, 0) !== undefined && (end === -1 || end > targetBytes);
};

/** A well-formed method, known or not, in the request that begins at or before `at`. */
const methodAt = (packet: Buffer | undefined, at: number): string | undefined => {
  if (packet === undefined) return undefined;
  const line = packet.lastIndexOf("\n", Math.max(at - 1, 0)) + 1;
  const method = TOKEN_AND_SPACE.exec(packet.toString("latin1", line, line + 256))?.[1];
  return method !== undefined && (at === 0 || !KNOWN_METHODS.has(method)) ? method : undefined;
};
