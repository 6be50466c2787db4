/** A program: the web server of `bench pair --load --corpus`. It compresses nothing, so that every way has the same to carry. */
import { createServer } from "node:http";
import { listenOnLoopback } from "../rig/loopback.ts";
import { corpusPages } from "./corpus-pages.ts";
import { tagOf } from "./pages.ts";
import { runProgram } from "./program.ts";

export interface CorpusServerSettings {
  /** The corpus. */
  readonly folder: string;
}

runProgram<CorpusServerSettings>(async ({ folder }) => {
  const pages = corpusPages(folder);
  let served = 0;
  const server = createServer((request, response) => {
    const page = pages.get(request.url ?? "");
    if (page === undefined) {
      response.writeHead(404, { "Content-Length": 0 }).end();
      return;
    }
    served += 1;
    const serial = page.changes ? served : 0;
    const body = page.make(serial);
    response
      .writeHead(200, {
        "Content-Type": page.contentType,
        "Content-Length": body.length,
        "Cache-Control": "no-cache",
        ETag: tagOf(serial),
      })
      .end(body);
  });
  server.keepAliveTimeout = 3_600_000;
  return listenOnLoopback(server);
});
