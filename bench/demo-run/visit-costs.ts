/**
 * What single visits of the demo took, by the request id of their page: what the site sent, joined with what the link carried.
 * For the pages themselves, which show it.
 */
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import type { VisitCost } from "../demo-site/about.ts";
import type { ServedPage } from "../demo-site/site.ts";
import type { LoggedExchange } from "../rig/exchange-log.ts";

const gzipped = promisify(gzip);

/** Pages whose costs can be asked for: the latest ones. @internal */
export const COSTS_KEPT = 256;

interface Visit {
  readonly target: string;
  readonly body: Buffer;
  readonly crossed: PromiseWithResolvers<LoggedExchange["edge"]>;
  hasCrossed: boolean;
}

export class VisitCosts {
  /** By request id, the oldest first. */
  readonly #visits = new Map<string, Visit>();

  /** A page left the site. */
  served({ target, requestId, body }: ServedPage): void {
    this.#visits.set(requestId, { target, body, crossed: Promise.withResolvers(), hasCrossed: false });
    const [oldest] = this.#visits.keys();
    if (this.#visits.size > COSTS_KEPT && oldest !== undefined) this.#visits.delete(oldest);
  }

  /** An exchange ended on the link: that of the oldest page of its target and size that has none yet. */
  crossed({ edge }: LoggedExchange): void {
    const visit = [...this.#visits.values()].find(
      ({ hasCrossed, target, body }) =>
        !hasCrossed && target === edge.target && body.length === edge.pageBytes,
    );
    if (visit === undefined) return;
    visit.hasCrossed = true;
    visit.crossed.resolve(edge);
  }

  /** What the visit took, once its exchange has ended; undefined for a page that is not among the latest ones. */
  async of(requestId: string): Promise<VisitCost | undefined> {
    const visit = this.#visits.get(requestId);
    if (visit === undefined) return undefined;
    const { answerBytes = 0, answer = "passed" } = await visit.crossed.promise;
    const { length: gzipBytes } = await gzipped(visit.body, { level: 6 });
    return { rawBytes: visit.body.length, gzipBytes, coilgunBytes: answerBytes, answer };
  }
}
