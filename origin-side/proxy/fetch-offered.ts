/** What a request offers, from a tier below memory where memory misses it, while the web server makes its answer. SPEC section "Offers". */
import type { ResponseHead } from "../../protocol/http/head.ts";
import { whyPassed } from "../../protocol/http/why-passed.ts";
import type { Partition } from "../../protocol/store/partition.ts";
import { TieredStore } from "../../protocol/tier/tiered-store.ts";
import type { AnswerDependencies, Answering } from "../answer/answering.ts";
import type { Nominated } from "../answer/coding/choose-answer.ts";
import type { Route } from "../config/route-config.ts";
import type { IncomingExchange } from "../exchange/incoming-exchange.ts";
import { MOST_WAIT_MS } from "../exchange/later-offers.ts";

/** What is known of an answer before its response has come. */
export interface Fetching extends Pick<Answering, "pageKey" | "partition"> {
  readonly route: Route;
  /** What was offered when the request arrived, as far as it was here: it may have given way when the response comes. */
  readonly nominated: Nominated;
  /** Resolves when memory has what there is of what is offered; undefined where there is nothing to wait for. */
  readonly fetched: Promise<void> | undefined;
}

/** Begins at once, or when the offers are named. */
export const fetchOffered = (
  exchange: IncomingExchange,
  partition: Partition,
  { store }: Pick<AnswerDependencies, "store">,
): Pick<Fetching, "partition" | "nominated" | "fetched"> => {
  const { offers } = exchange.open;
  const nominated = { offers, versions: store.nominated(partition, offers) };
  const fetch = () =>
    store instanceof TieredStore ? store.fetchNominated(partition, exchange.open.offers) : undefined;
  return { partition, nominated, fetched: exchange.laterOffers?.named.then(fetch) ?? fetch() };
};

/** Resolves when `fetched` has, where the answer may build on it; an edge that promised offers has to name them soon now. */
export const offeredInTime = async (
  { laterOffers, host, request }: IncomingExchange,
  head: ResponseHead,
  fetched: Promise<void>,
  { clock, log }: Pick<AnswerDependencies, "clock" | "log">,
): Promise<void> => {
  if (whyPassed(request.method, head) !== undefined) return;
  if (laterOffers === undefined) return fetched;
  const { target } = request;
  const late = () => log.warn("offers did not follow", { host, target, waitedMs: MOST_WAIT_MS });
  return laterOffers.within(clock, fetched, late);
};
