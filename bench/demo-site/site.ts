/**
 * The demo site as a web server: a dynamic origin whose every response differs from the one before. It keeps the
 * bodies of its last responses by request id, so whoever fetched one through a pair can check it byte for byte.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { listenOnLoopback } from "../rig/loopback.ts";
import { COST_PATH, type VisitCost } from "./about.ts";
import { chanceFor } from "./chance.ts";
import type { Visit } from "./layout.ts";
import { type PageKind, renderTarget } from "./pages.ts";

/** Bodies kept for checking; a check follows its response at once, so few are enough. @internal */
export const BODIES_KEPT = 256;

export interface ServedPage {
  readonly kind: PageKind;
  readonly target: string;
  readonly requestId: string;
  readonly body: Buffer;
}

export interface DemoSite {
  /** host:port on loopback. */
  readonly address: string;
  /** What was sent under an `X-Request-Id`; undefined when it is not among the last BODIES_KEPT. */
  bodyOf(requestId: string): Buffer | undefined;
  close(): Promise<void>;
}

export interface DemoSiteOptions {
  readonly seed: number;
  /** Minutes of the town's time. */
  readonly moment: () => number;
  /** Called for every page sent. */
  readonly onPage?: (page: ServedPage) => void;
  /** What the visit with this request id took; undefined: nobody knows. */
  readonly costOf?: (requestId: string) => Promise<VisitCost | undefined>;
}

export async function startDemoSite(options: DemoSiteOptions): Promise<DemoSite> {
  const bodies = new Map<string, Buffer>();
  let served = 0;
  const server = createServer((request, response) => {
    const target = request.url ?? "/";
    if (target.startsWith(COST_PATH)) {
      void sendCost(response, options.costOf?.(target.slice(COST_PATH.length)));
      return;
    }
    served += 1;
    const visit = visitOf(request, { seed: options.seed, number: served, moment: options.moment() });
    const page = renderTarget(visit, target);
    if (page === undefined) {
      notFound(response);
      return;
    }
    bodies.set(visit.requestId, page.body);
    const [oldest] = bodies.keys();
    if (bodies.size > BODIES_KEPT && oldest !== undefined) bodies.delete(oldest);
    options.onPage?.({ kind: page.kind, target, requestId: visit.requestId, body: page.body });
    if (page.kind === "account" && visit.session === undefined) {
      response.setHeader("Set-Cookie", `session=${visit.chance.hex(32)}; Path=/; HttpOnly; SameSite=Lax`);
    }
    response.writeHead(200, {
      "Content-Type": page.contentType,
      "Content-Length": page.body.length,
      "Cache-Control": page.kind === "account" ? "private, max-age=0, must-revalidate" : "no-cache",
      Vary: "Cookie, Accept-Encoding",
      "X-Content-Type-Options": "nosniff",
      "X-Request-Id": visit.requestId,
    });
    response.end(request.method === "HEAD" ? undefined : page.body);
  });
  const address = await listenOnLoopback(server);
  return {
    address,
    bodyOf: (requestId) => bodies.get(requestId),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** The visit that the `number`th request of a site is. */
export function visitOf(
  request: Pick<IncomingMessage, "headers"> | undefined,
  { seed, number, moment }: { readonly seed: number; readonly number: number; readonly moment: number },
): Visit {
  const chance = chanceFor(seed, "visit", number);
  const session = /(?:^|;\s*)session=([0-9a-f]+)/.exec(request?.headers.cookie ?? "")?.[1];
  return { seed, moment, chance, requestId: chance.hex(32), session };
}

async function sendCost(
  response: ServerResponse,
  asked: Promise<VisitCost | undefined> | undefined,
): Promise<void> {
  const cost = await asked?.catch(() => undefined);
  if (cost === undefined) {
    response.writeHead(204).end();
    return;
  }
  const body = JSON.stringify(cost);
  response
    .writeHead(200, {
      "Content-Type": "application/json; charset=utf-8",
      "Content-Length": body.length,
      "Cache-Control": "no-store",
    })
    .end(body);
}

function notFound(response: ServerResponse): void {
  const body = "No such page in Tidewater.\n";
  response
    .writeHead(404, { "Content-Type": "text/plain; charset=utf-8", "Content-Length": body.length })
    .end(body);
}
