/**
 * A program: the plain reverse proxy that a visitor's side would have without Coilgun, on http-proxy-3 (the maintained
 * rewrite of http-proxy), with connections to the web server kept open and reused.
 */
import { Agent, createServer } from "node:http";
import { createProxyServer } from "http-proxy-3";
import { listenOnLoopback } from "../rig/loopback.ts";
import { runProgram } from "./program.ts";

export interface PlainProxySettings {
  /** host:port of the web server, or of the link to it. */
  readonly target: string;
}

runProgram<PlainProxySettings>(async ({ target }) => {
  const proxy = createProxyServer({
    target: `http://${target}`,
    agent: new Agent({ keepAlive: true }),
    xfwd: true,
  });
  proxy.on("error", (_error, _request, response) => {
    if ("writeHead" in response && !response.headersSent) response.writeHead(502).end();
    else response.destroy();
  });
  return await listenOnLoopback(createServer((request, response) => proxy.web(request, response)));
});
