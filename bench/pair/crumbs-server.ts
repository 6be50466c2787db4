/**
 * A program: the web server of `coilgun-bench crumbs`. It takes bodies and says what came, answers in pieces of one byte, and has a
 * small page.
 */
import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { listenOnLoopback } from "../rig/loopback.ts";
import { chunkedCrumbs, crumbsOf, SMALL_PAGE } from "./crumbs-body.ts";
import { runProgram } from "./program.ts";

export interface CrumbsServerSettings {
  readonly answerPieces: number;
}

const HEAD = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\nContent-Type: ";

const sayWhatCame = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
  const hash = createHash("sha256");
  for await (const piece of request) hash.update(piece as Buffer);
  response.end(hash.digest("hex"));
};

runProgram(async ({ answerPieces }: CrumbsServerSettings) => {
  const chunks = chunkedCrumbs(crumbsOf(answerPieces));
  const server = createServer((request, response) => {
    if (request.method === "POST") {
      // A visitor that has left ends its request in the middle.
      sayWhatCame(request, response).catch(() => response.destroy());
    } else if (request.url?.startsWith("/crumbs")) {
      // To the socket: node's own chunks would cost more than what is measured.
      request.socket.write(`${HEAD}${request.url.endsWith("page") ? "text/html" : "image/x-crumbs"}\r\n\r\n`);
      request.socket.end(chunks);
    } else response.setHeader("Content-Type", "text/html").end(SMALL_PAGE);
  });
  return await listenOnLoopback(server);
});
