/**
 * The body of a request that asks to upgrade, read here because node reads none behind such a head. Strictly: chunks without
 * extensions and trailers, and no more than is held of a connection. Whatever else there is, node reads it as an ordinary
 * request. RFC 9112 sections 6 and 7.1, SPEC section "Upgrades".
 */
import type { IncomingMessage } from "node:http";

/** Most that is held of what a visitor sends before it has an answer. */
export const MOST_EARLY_BYTES = 64 * 1024;

/** `body`: undefined where there is none. `unfinished`: more of it has to come. `ordinary`: it is none that an upgrade takes along. */
export type UpgradeBody =
  | { readonly body: Buffer | undefined; readonly behind: Buffer }
  | "unfinished"
  | "ordinary";

/** Given all that has come behind the head, again and again until it is not `unfinished`. */
export type UpgradeBodyReader = (held: Buffer) => UpgradeBody;

/**
 * `most`: bytes of the largest body that the request may have. A visitor that waits for 100 Continue gets
 * none before the web server is asked; and HTTP/2 in plain text is no upgrade that an edge makes, nor does HTTP/1.0 know any.
 */
export const upgradeBodyOf = (
  { headers, httpVersion }: IncomingMessage,
  most = MOST_EARLY_BYTES,
): UpgradeBodyReader => {
  const { upgrade = "", expect, "transfer-encoding": coding, "content-length": length = "0" } = headers;
  if (httpVersion !== "1.1" || /(?:^|,)\s*h2c\s*(?:$|,)/i.test(upgrade)) return () => "ordinary";
  const mostBytes = Math.min(most, MOST_EARLY_BYTES);
  const bytes = Number(length);
  if (coding === undefined && bytes === 0) return (held) => ({ body: undefined, behind: held });
  if (expect !== undefined || bytes > mostBytes) return () => "ordinary";
  if (coding === undefined)
    return (held) =>
      held.length < bytes ? "unfinished" : { body: held.subarray(0, bytes), behind: held.subarray(bytes) };
  if (coding.toLowerCase() !== "chunked") return () => "ordinary";
  return chunkReader(mostBytes);
};

const CRLF = "\r\n";
const SIZE_LINE = /^([0-9a-f]{1,5})\r\n/i;
const SIZE_LINE_BYTES = 7;
const BEGUN_SIZE_LINE = /^[0-9a-f]{0,5}\r?$/i;

const chunkReader = (mostBytes: number): UpgradeBodyReader => {
  /** Where they begin and end. Not the bytes: the piece that holds them may be another one each time. */
  const chunks: (readonly [number, number])[] = [];
  let bytes = 0;
  let at = 0;
  return (held) => {
    const textAt = (from: number, length: number) => held.toString("latin1", from, from + length);
    for (;;) {
      const text = textAt(at, SIZE_LINE_BYTES);
      const line = SIZE_LINE.exec(text);
      if (line === null) return BEGUN_SIZE_LINE.test(text) ? unfinished(held) : "ordinary";
      const size = Number.parseInt(line[1] as string, 16);
      if (bytes + size > mostBytes) return "ordinary";
      const from = at + line[0].length;
      const end = textAt(from + size, CRLF.length);
      if (end !== CRLF) return CRLF.startsWith(end) ? unfinished(held) : "ordinary";
      at = from + size + CRLF.length;
      if (size === 0) {
        const body = Buffer.concat(chunks.map(([start, stop]) => held.subarray(start, stop)));
        return { body, behind: held.subarray(at) };
      }
      chunks.push([from, from + size]);
      bytes += size;
    }
  };
};

/** Chunks of which more than the body itself is held, because they are small, may take no more either. */
const unfinished = ({ length }: Buffer): UpgradeBody =>
  length > MOST_EARLY_BYTES ? "ordinary" : "unfinished";

/** The head of the request as it came, but for what it asked to become. */
export const headWithoutUpgrade = ({ method, url, httpVersion, rawHeaders }: IncomingMessage): Buffer => {
  const lines = [`${method} ${url} HTTP/${httpVersion}`];
  for (let i = 0; i + 1 < rawHeaders.length; i += 2)
    if (rawHeaders[i]?.toLowerCase() !== "upgrade") lines.push(`${rawHeaders[i]}:${rawHeaders[i + 1]}`);
  return Buffer.from(`${lines.join(CRLF)}${CRLF}${CRLF}`, "latin1");
};
