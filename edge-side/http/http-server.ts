/**
 * Where visitors come in: a listener for each address of the config, plain HTTP/1.1, or HTTPS with HTTP/2 and HTTP/1.1, all
 * counted together. SPEC section "Visitors".
 */
import { createServer, type Server } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { Server as NetServer, type Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { type HostPort, printHostPort } from "../../protocol/config/units.ts";
import { sayAcceptFailed, sayLimit } from "../../protocol/daemon/limit-log.ts";
import type { Log } from "../../protocol/daemon/log.ts";
import type { Clock } from "../../protocol/runtime/clock.ts";
import { mostForStrangers } from "../../protocol/runtime/descriptors.ts";
import { MemoryBudget } from "../../protocol/runtime/memory-budget.ts";
import type { EdgeConfig } from "../config/edge-config.ts";
import type { VisitorListen } from "../config/listener-config.ts";
import type { VisitorTaker } from "../exchange/visitor.ts";
import { Admission, type KnownHosts } from "./admission.ts";
import { acceptQueued } from "./connections/accept-queue.ts";
import { MOST_WAITING_IN_ALL_BYTES } from "./connections/pipeline-queue.ts";
import { Crowd } from "./crowd.ts";
import type { ErrorPages } from "./errors/error-pages.ts";
import { http1Options, serveHttp1 } from "./http1-connection.ts";
import { type Http2Options, serveHttp2 } from "./http2-session.ts";
import { ListenerCertificates } from "./listener-certificates.ts";
import { readProxyHeaders } from "./parser/proxied-connections.ts";
import { SmallPieceTurns } from "./parser/small-piece-turns.ts";
import { Underscores } from "./underscores.ts";

export interface VisitorServer {
  /** In the order of the config. */
  readonly addresses: readonly HostPort[];
  /** Takes over certificates that were renewed; throws what TLS says of one that it cannot use. */
  renew(listeners: readonly VisitorListen[]): void;
  /** Takes no new connections; resolves when the running requests are done, or `signal` cuts them off. */
  close(signal: AbortSignal): Promise<void>;
}

export interface HttpServerOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Descriptors to listen on, in the order of the config, in place of its addresses. */
  readonly sockets?: readonly number[];
  readonly visits: VisitorTaker;
  readonly hosts: KnownHosts;
  readonly errorPages: ErrorPages;
}

/** Rejects with what the system says of an address that cannot be had; nothing is left open then. */
export const serveVisitors = async (
  config: EdgeConfig,
  options: HttpServerOptions,
): Promise<VisitorServer> => {
  const most = config.limits.visitors;
  const mostDescriptors = mostForStrangers();
  const waitingRequests = new MemoryBudget({
    totalBytes: MOST_WAITING_IN_ALL_BYTES,
    shareBytes: MOST_WAITING_IN_ALL_BYTES,
  });
  const crowd = new Crowd({
    clock: options.clock,
    most,
    mostDescriptors,
    full: (limit, closed) =>
      sayLimit(options.log, limit, { most: limit === "descriptors" ? mostDescriptors : most, closed }),
  });
  const common = {
    ...options,
    admission: new Admission(options),
    crowd,
    waitingRequests,
    turns: new SmallPieceTurns(options.clock),
  };
  const listeners = config.visitors.map((listen) => new VisitorListener(listen, config, common));
  const opened = await Promise.allSettled(listeners.map((each, i) => each.open(options.sockets?.[i])));
  const failed = opened.find((each) => each.status === "rejected");
  const close = async (signal: AbortSignal) => {
    crowd.drain();
    const closed = Promise.all(listeners.map((each) => each.close(signal)));
    const cut = () => crowd.cut();
    signal.addEventListener("abort", cut, { once: true });
    if (signal.aborted) cut();
    await closed;
    signal.removeEventListener("abort", cut);
  };
  if (failed !== undefined) {
    await close(AbortSignal.abort());
    throw failed.reason;
  }
  return {
    addresses: listeners.map((each) => each.address),
    renew: (next) => {
      for (const [index, each] of next.entries()) listeners[index]?.renew(each);
    },
    close,
  };
};

interface ListenerOptions extends HttpServerOptions, Pick<Http2Options, "waitingRequests"> {
  readonly admission: Admission;
  readonly crowd: Crowd;
  readonly turns: SmallPieceTurns;
}

class VisitorListener {
  readonly #certificates: ListenerCertificates | undefined;
  readonly #listen: VisitorListen;
  readonly #options: ListenerOptions;
  readonly #server: Server;

  constructor(listen: VisitorListen, config: EdgeConfig, options: ListenerOptions) {
    const { crowd, turns, hosts } = options;
    this.#listen = listen;
    this.#options = options;
    const certificates = listen.tls && new ListenerCertificates(listen.tls.certificates);
    this.#certificates = certificates;
    const served: Http2Options = {
      clock: options.clock,
      log: options.log,
      turns,
      errorPages: options.errorPages,
      underscores: new Underscores(listen.underscores, options.log),
      traits: {
        scheme: listen.tls === undefined ? "http" : "https",
        compress: listen.compress,
        hsts: listen.tls?.hsts,
        redirect: listen.redirect,
      },
      idleMs: config.times.idleMs,
      keepAliveMs: config.times.keepAliveMs,
      headBytes: config.limits.headBytes,
      targetBytes: config.limits.targetBytes,
      admission: options.admission,
      bodyBytes: config.limits.bodyBytes,
      crowd,
      attendanceOf: (socket) => crowd.attendanceOf(socket),
      isCovered:
        certificates &&
        ((socket, host) => certificates.covers(host, socket, (asked) => hosts.isServed(asked))),
      waitingRequests: options.waitingRequests,
      visits: options.visits,
    };
    this.#server =
      certificates === undefined
        ? createServer(http1Options(config, turns))
        : secureServer(certificates, config, served, crowd);
    serveHttp1(this.#server, served);
    const trusts = (address: string) => hosts.trusts(address);
    if (listen.proxyProtocol === "required")
      readProxyHeaders(this.#server, { ...options, trusts, isTls: certificates !== undefined });
    this.#server.on("connection", (socket: Socket) => crowd.join(socket));
  }

  get address(): HostPort {
    const address = this.#server.address();
    return {
      host: this.#listen.listen.host,
      port: typeof address === "object" && address !== null ? address.port : 0,
    };
  }

  renew({ listen, tls }: VisitorListen): void {
    if (tls !== undefined && printHostPort(listen) === printHostPort(this.#listen.listen))
      this.#certificates?.renew(tls.certificates);
  }

  open(fd: number | undefined): Promise<void> {
    const { listen, reusePort } = this.#listen;
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(fd === undefined ? { ...listen, reusePort } : { fd }, () => {
        this.#server.off("error", reject);
        // That connection is lost, the port is not.
        this.#server.on("error", (error) => sayAcceptFailed(this.#options.log, error));
        resolve();
      });
    });
  }

  async close(signal: AbortSignal): Promise<void> {
    if (!this.#server.listening) return;
    await acceptQueued(this.#server, this.#options, signal);
    await new Promise<void>((resolve) => {
      // Node's HTTP servers close connections without a request at once; the crowd does in its time.
      NetServer.prototype.close.call(this.#server, () => {
        this.#server.close();
        resolve();
      });
    });
  }
}

/** Node's HTTPS server, with connections that agreed on HTTP/2 led elsewhere. */
const secureServer = (
  certificates: ListenerCertificates,
  config: EdgeConfig,
  served: Http2Options,
  crowd: Crowd,
): Server => {
  const server = createSecureServer({
    ...http1Options(config, served.turns),
    ...certificates.options,
    // Who offers none of them is refused by TLS (RFC 7301 section 3.2), as is by nginx.
    ALPNProtocols: ["h2", "http/1.1", "http/1.0"],
    handshakeTimeout: config.times.idleMs,
  });
  certificates.usedBy(server);
  const [http1] = server.listeners("secureConnection") as ((socket: TLSSocket) => void)[];
  server.removeAllListeners("secureConnection");
  server.on("secureConnection", (socket: TLSSocket) => {
    if (socket.alpnProtocol === "h2") return crowd.secured(socket, serveHttp2(socket, served));
    crowd.secured(socket);
    http1?.call(server, socket);
  });
  return server;
};
