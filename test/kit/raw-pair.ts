/**
 * The whole pair between two ends that a test writes byte by byte: a raw visitor at the edge's door, a raw web server behind
 * the origin side, a real link with a key between them.
 */
import type { VisitRecord } from "../../edge-side/exchange/access-record.ts";
import { openPair, type Pair, type PairOptions } from "./pair.ts";
import { HOST } from "./raw-requests.ts";
import { RawVisitor } from "./raw-visitor.ts";
import { type RawRequest, RawWeb } from "./raw-web.ts";
import { until } from "./until.ts";

type Settings = Readonly<Record<string, unknown>>;

export interface RawPairOptions extends Omit<PairOptions, "serve"> {
  /** Laid over the one route, from HOST to the raw web server. */
  readonly route?: Settings;
}

export interface RawPair extends AsyncDisposable {
  readonly web: RawWeb;
  readonly port: number;
  /** The daemons, their logs and their records. */
  readonly daemons: Pair;
  visitor(): Promise<RawVisitor>;
  /** A request on a connection of its own, and what of it reaches the web server. */
  ask(text: string): Promise<{ visitor: RawVisitor; request: RawRequest }>;
  /** How the visit number `count` of this target travelled. */
  visitOf(target: string, count?: number): Promise<VisitRecord>;
}

export const openRawPair = async ({ route, origin, ...options }: RawPairOptions = {}): Promise<RawPair> => {
  const undo = new AsyncDisposableStack();
  const web = undo.use(await RawWeb.listen());
  const routes = [{ host: HOST, origin: `http://127.0.0.1:${web.port}`, ...route }];
  const daemons = undo.use(await openPair({ serve() {}, ...options, origin: { routes, ...origin } }));
  const visitors = undo.adopt(new Set<RawVisitor>(), (all) => {
    for (const each of all) each.leave();
  });
  const visitor = async () => {
    const each = await RawVisitor.connect(daemons.port);
    visitors.add(each);
    each.socket.once("close", () => visitors.delete(each));
    return each;
  };
  return {
    web,
    port: daemons.port,
    daemons,
    visitor,
    async ask(text) {
      const each = (await visitor()).send(text);
      await until(() => web.waiting > 0 || each.seen.length > 0 || each.socket.destroyed, "the request");
      if (web.waiting === 0) throw new Error(`answered without the web server: ${each.seen}`);
      return { visitor: each, request: await web.next() };
    },
    visitOf: (target, count = 1) => daemons.visitOf(target, count),
    [Symbol.asyncDispose]: () => undo.disposeAsync(),
  };
};
