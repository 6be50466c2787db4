/**
 * The web server of a replay: serves whatever was published last under a host and path, head and body. It is told what to
 * serve, and does not count requests, so a request that is repeated gets the same.
 */
import { createServer } from "node:http";
import { listenOnLoopback } from "../rig/loopback.ts";
import type { Head } from "./made-up-head.ts";

export interface PublishedPage {
  /** As in the Host field. */
  readonly host: string;
  /** The request target, as in the request line. */
  readonly path: string;
  readonly status: number;
  readonly head: Head;
  readonly body: Buffer;
}

export interface ReplayOrigin {
  readonly address: string;
  publish(page: PublishedPage): void;
  close(): Promise<void>;
}

export async function startReplayOrigin(): Promise<ReplayOrigin> {
  const pages = new Map<string, PublishedPage>();
  const server = createServer((request, response) => {
    const page = pages.get(`${request.headers.host}${request.url}`);
    if (page === undefined) {
      response.writeHead(404, { "Content-Length": 0 }).end();
      return;
    }
    response.writeHead(page.status, page.head.flat()).end(page.body);
  });
  const address = await listenOnLoopback(server);
  return {
    address,
    publish: (page) => pages.set(`${page.host}${page.path}`, page),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
