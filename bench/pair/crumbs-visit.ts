/** Visits of `coilgun-bench crumbs`: one that sends or gets crumbs, and that of somebody else, who wants a page. */
import { once } from "node:events";
import { request } from "node:http";
import { connect } from "node:net";
import { buffer } from "node:stream/consumers";
import { parseHostPort } from "../../protocol/config/units.ts";
import { SMALL_PAGE } from "./crumbs-body.ts";
import { HOST } from "./timed-visit.ts";

const CRLF2 = "\r\n\r\n";

/** Sends a request as bytes and reads until its connection closes; the response's body without its chunks. */
export const sendRaw = async (
  address: string,
  head: readonly string[],
  body: Buffer,
  signal: AbortSignal | undefined,
): Promise<Buffer> => {
  const socket = connect(parseHostPort(address));
  const leave = () => socket.destroy(new Error("the measurement was ended"));
  signal?.addEventListener("abort", leave, { once: true });
  try {
    await once(socket, "connect");
    socket.write([...head, `Host: ${HOST}`, "Connection: close"].join("\r\n") + CRLF2);
    socket.write(body);
    return bodyIn(await buffer(socket));
  } finally {
    signal?.removeEventListener("abort", leave);
    socket.destroy();
  }
};

/** Of a response in full. Throws where it is not one with status 200. @internal */
export const bodyIn = (response: Buffer): Buffer => {
  const end = response.indexOf(CRLF2);
  const head = response.toString("latin1", 0, end);
  if (end === -1 || !head.startsWith("HTTP/1.1 200 "))
    throw new Error(`not a page: ${JSON.stringify(head.slice(0, 80))}`);
  const body = response.subarray(end + CRLF2.length);
  return /\r\ntransfer-encoding: chunked/i.test(head) ? unchunked(body) : body;
};

const unchunked = (chunks: Buffer): Buffer => {
  const pieces: Buffer[] = [];
  for (let at = 0; ; ) {
    const line = chunks.indexOf("\r\n", at);
    const size = Number.parseInt(chunks.toString("latin1", at, line), 16);
    if (line === -1 || Number.isNaN(size)) throw new Error("the last chunk is missing");
    if (size === 0) return Buffer.concat(pieces);
    pieces.push(chunks.subarray(line + 2, line + 2 + size));
    at = line + 2 + size + 2;
  }
};

/** Rejects where it is not the small page. */
export const onePage = async (address: string): Promise<void> => {
  const asked = request({ ...parseHostPort(address), headers: { Host: HOST }, agent: false }).end();
  const [response] = await once(asked, "response");
  const page = await buffer(response);
  if (page.toString("latin1") !== SMALL_PAGE) throw new Error("another visitor's page is wrong");
};
