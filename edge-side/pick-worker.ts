/**
 * Which worker gets a connection. A visitor comes back to the worker that knows its versions: the address decides (of IPv6 the
 * /64, whose owner changes the rest). Behind a trusted proxy all visitors have one address, so there port and address decide,
 * and a visitor's requests come to whichever worker the proxy's connection is at. SPEC section "Workers".
 */
import { ownerOf } from "../protocol/link/pending-places.ts";
import { pickByRendezvous } from "../protocol/link/rendezvous.ts";
import { plainAddress, type Trust } from "./forward-request.ts";

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

/** The one with the fewest: a dialler that comes once for each worker then reaches each. */
export const workerForLink = <Worker extends WorkerState>(able: readonly Worker[]): Worker | undefined =>
  able.reduce<Worker | undefined>(
    (least, each) => (least === undefined || each.tunnels < least.tunnels ? each : least),
    undefined,
  );
