/**
 * Which worker gets a connection. A visitor comes back to the worker that knows its versions: the address decides (of IPv6 the
 * /64, whose owner changes the rest). Behind a trusted proxy all visitors have one address, so there port and address decide,
 * and a visitor's requests come to whichever worker the proxy's connection is at. SPEC section "Workers".
 */

import { pickByRendezvous } from "../../protocol/link/rendezvous.ts";
import { ownerOf, plainAddress } from "../../protocol/runtime/ip-address.ts";
import type { Trust } from "../exchange/visitor-request.ts";

/** What is known of a worker that can take connections. */
export interface WorkerState {
  readonly number: number;
  /** Keys that it has links of. */
  readonly keys: number;
  /** Connections from the tunnel port that it has. */
  readonly tunnels: number;
}

/**
 * By rendezvous hashing, so that only the visitors of a worker that is gone go elsewhere. One that has fewer keys' links than
 * others is passed by: it may just have been started.
 */
export const workerForVisitor = <Worker extends WorkerState>(
  able: readonly Worker[],
  from: { readonly address: string; readonly port: number },
  trusts: Trust,
): Worker | undefined => {
  const mostKeys = Math.max(...able.map(({ keys }) => keys));
  const linked = new Map(
    able.filter(({ keys }) => keys === mostKeys).map((each) => [`${each.number}`, each]),
  );
  const address = plainAddress(from.address);
  const picked = pickByRendezvous([...linked.keys()], {
    host: ownerOf(address),
    template: trusts(address) ? `${from.port}` : "",
  });
  return picked === undefined ? undefined : linked.get(picked);
};

/**
 * One with the fewest: a dialler that comes once for each worker then reaches each. Of several any one: two diallers that each
 * miss the other's worker would meet their own again and again, if the order decided.
 */
export const workerForLink = <Worker extends WorkerState>(
  able: readonly Worker[],
  chance: () => number,
): Worker | undefined => {
  const fewest = Math.min(...able.map(({ tunnels }) => tunnels));
  const least = able.filter(({ tunnels }) => tunnels === fewest);
  return least[Math.floor(chance() * least.length)];
};
