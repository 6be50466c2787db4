/**
 * Where visitors come in: node's HTTP server with every limit written down, and the few requests refused that its parser
 * lets through and an origin could read differently (RFC 9112 sections 3.2 and 6.1). SPEC section "Visitors".
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { HostPort } from "../protocol/kit/units.ts";
import type { EdgeConfig } from "./config.ts";
import { errorPage } from "./error-page.ts";
import { Visitor } from "./visitor.ts";

export interface VisitorServer {
  readonly address: HostPort;
  /** Takes no new connections; resolves when the running requests are done, or `signal` cuts them off. */
  close(signal: AbortSignal): Promise<void>;
}

export const serveVisitors = async (
  config: EdgeConfig,
  serve: (visitor: Visitor) => void,
): Promise<VisitorServer> => {
  const server = createServer({
    maxHeaderSize: config.limits.headBytes,
    // An upload may take its time; silence is what ends it.
    requestTimeout: 0,
    headersTimeout: config.times.idleMs,
    keepAliveTimeout: config.times.keepAliveMs,
    insecureHTTPParser: false,
    requireHostHeader: false, // isAmbiguous sees to it
    noDelay: true,
  });
  const running = new RunningResponses(server);
  /** What follows on these connections may be the body of what was refused: the parser has often read it already. */
  const refused = new WeakSet<Socket>();
  server.on("request", (request, response) => {
    running.add(response);
    // Who waits for a head is not idle: that wait has a bound of its own, and ends in a page that says so.
    response.on("timeout", (socket) => {
      if (response.headersSent || !request.complete) socket.destroy();
    });
    if (refused.has(request.socket)) return;
    if (!isAmbiguous(request)) return serve(new Visitor(request, response));
    refused.add(request.socket);
    refuse(response);
  });
  server.maxConnections = config.limits.visitors;
  server.timeout = config.times.idleMs;
  const { host, port } = config.visitors.listen;
  await listening(server, host, port);
  return {
    address: boundAddress(server, host),
    async close(signal) {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      running.beTheLast();
      const cut = () => server.closeAllConnections();
      signal.addEventListener("abort", cut, { once: true });
      if (signal.aborted) cut();
      await closed;
      signal.removeEventListener("abort", cut);
    },
  };
};

/** Node waits for connections that are kept alive: a server that stops must end each one with its running response. */
class RunningResponses {
  readonly #server: Server;
  readonly #running = new Set<ServerResponse>();
  #last = false;

  constructor(server: Server) {
    this.#server = server;
  }

  add(response: ServerResponse): void {
    this.#running.add(response);
    response.shouldKeepAlive &&= !this.#last;
    response.once("close", () => {
      this.#running.delete(response);
      if (this.#last) this.#server.closeIdleConnections();
    });
  }

  beTheLast(): void {
    this.#last = true;
    for (const response of this.#running) response.shouldKeepAlive = false;
    this.#server.closeIdleConnections();
  }
}

/**
 * A second Host field, a target that names another host, or a Transfer-Encoding that is not exactly "chunked" on HTTP/1.1.
 */
const isAmbiguous = (request: IncomingMessage): boolean => {
  const hosts = request.rawHeaders.filter((name, i) => i % 2 === 0 && name.toLowerCase() === "host").length;
  const { host = "", "transfer-encoding": coding } = request.headers;
  const named = /^[a-z][a-z0-9+.-]*:\/\/([^/?#]*)/i.exec(request.url ?? "")?.[1];
  if (named !== undefined && named.toLowerCase() !== host.toLowerCase()) return true;
  if (hosts > 1 || (hosts === 0 && request.httpVersion === "1.1")) return true;
  return coding !== undefined && (coding.toLowerCase() !== "chunked" || request.httpVersion !== "1.1");
};

const refuse = (response: ServerResponse): void => {
  const page = errorPage(400);
  response.writeHead(400, { ...page.fields, Connection: "close" });
  response.end(page.body);
};

const listening = (server: Server, host: string, port: number): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      resolve();
    });
  });

const boundAddress = (server: Server, host: string): HostPort => {
  const address = server.address();
  return { host, port: typeof address === "object" && address !== null ? address.port : 0 };
};
