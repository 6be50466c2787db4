/** A program: the web server of `bench pair --corpus`. It compresses nothing, so that every way has the same to carry. */
import { createServer } from "node:http";
import { listenOnLoopback } from "../rig/loopback.ts";
import { CorpusSeries } from "./corpus-series.ts";
import { runProgram } from "./program.ts";

export interface SeriesServerSettings {
  /** The corpus. */
  readonly folder: string;
}

runProgram<SeriesServerSettings>(async ({ folder }) => {
  const series = new CorpusSeries(folder);
  const served = new Map<string, number>();
  const server = createServer(({ url = "" }, response) => {
    const serial = served.get(url) ?? 0;
    const page = series.page(url.split("/").at(-1) ?? "", serial);
    if (page === undefined) {
      response.writeHead(404, { "Content-Length": 0 }).end();
      return;
    }
    served.set(url, serial + 1);
    response
      .writeHead(200, {
        "Content-Type": page.contentType,
        "Content-Length": page.body.length,
        "Cache-Control": "no-cache",
        ETag: page.tag,
      })
      .end(page.body);
  });
  server.keepAliveTimeout = 3_600_000;
  return listenOnLoopback(server);
});
