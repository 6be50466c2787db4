/**
 * A program: the web server behind pair and plain proxy. Makes the pages of pages.ts with the headers of a dynamic
 * site, gzipped for who accepts that, as web servers are set up to do; and a download of any length.
 */
import { createServer, type IncomingMessage, type OutgoingHttpHeaders, type ServerResponse } from "node:http";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { chanceFor } from "../demo-site/chance.ts";
import { listenOnLoopback } from "../rig/loopback.ts";
import { type MadePage, noise, pagesByPath, tagOf, variedPages } from "./pages.ts";
import { runProgram } from "./program.ts";

export const DOWNLOAD_PATH = "/download";
export const VARIED_PATH = "/varied/";
/** Of a download, which whoever asks for it breaks off. */
const DOWNLOAD_BYTES = 2 ** 40;
/** Longer than any compressor looks back. */
const BLOCK_BYTES = 4 * 2 ** 20;
const PIECE_BYTES = 65_536;
const GZIP_LEVEL = 6;

const gzipped = promisify<Buffer, { level: number }, Buffer>(gzip);

/** The block that a download repeats; both ends make the same. */
export const downloadBlock = (): Buffer => noise(BLOCK_BYTES, chanceFor("download"));

function startWebServer(): Promise<string> {
  const pages = pagesByPath();
  const varied = variedPages();
  const block = downloadBlock();
  let served = 0;
  const pageAt = (path: string): MadePage | undefined =>
    path.startsWith(VARIED_PATH) ? varied(Number(path.slice(VARIED_PATH.length))) : pages.get(path);

  const server = createServer((request, response) => {
    const [path = "/"] = (request.url ?? "/").split("?");
    if (path === DOWNLOAD_PATH) {
      sendDownload(response, block);
      return;
    }
    const page = pageAt(path);
    if (page === undefined) {
      response.writeHead(404, { "Content-Length": 0 }).end();
      return;
    }
    served += 1;
    void sendPage(request, response, page, page.changes ? served : 0);
  });
  // A visitor's side keeps its connections; a web server that closes them first would race with it.
  server.keepAliveTimeout = 3_600_000;
  return listenOnLoopback(server);
}

async function sendPage(
  request: IncomingMessage,
  response: ServerResponse,
  page: MadePage,
  serial: number,
): Promise<void> {
  const body = page.make(serial);
  const coded = page.contentType.startsWith("image/") || !acceptsGzip(request) ? undefined : body;
  const sent = coded === undefined ? body : await gzipped(coded, { level: GZIP_LEVEL });
  const headers: OutgoingHttpHeaders = {
    Server: "nginx",
    "Content-Type": page.contentType,
    "Content-Length": sent.length,
    ...(coded === undefined ? {} : { "Content-Encoding": "gzip" }),
    "Cache-Control": "no-cache",
    ETag: tagOf(serial),
    Vary: "Accept-Encoding",
    "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "strict-origin-when-cross-origin",
  };
  response.writeHead(200, headers).end(sent);
}

const acceptsGzip = ({ headers }: IncomingMessage): boolean =>
  /\bgzip\b/.test(String(headers["accept-encoding"] ?? ""));

function sendDownload(response: ServerResponse, block: Buffer): void {
  response.writeHead(200, {
    "Content-Type": "application/octet-stream",
    "Content-Length": DOWNLOAD_BYTES,
    "Cache-Control": "no-store",
  });
  let at = 0;
  const send = () => {
    let more = true;
    while (more && !response.destroyed) {
      more = response.write(block.subarray(at, at + PIECE_BYTES));
      at = (at + PIECE_BYTES) % BLOCK_BYTES;
    }
  };
  response.on("drain", send);
  send();
}

if (import.meta.main) runProgram(startWebServer);
