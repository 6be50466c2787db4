/**
 * An edge of several workers. The daemon keeps the ports and hands every connection to a worker: a visitor's to the one that
 * knows its versions, an origin side's to the one with the fewest links. SPEC section "Workers".
 */
import type { Socket } from "node:net";
import { extname, join } from "node:path";
import type { CopiedConfig } from "../../protocol/config/config-snapshot.ts";
import type { Log } from "../../protocol/daemon/log.ts";
import { systemChance } from "../../protocol/runtime/clock.ts";
import { inNetworks } from "../../protocol/runtime/ip-address.ts";
import { type CrewMember, startCrew } from "../../protocol/workers/supervisor.ts";
import type { EdgeConfig } from "../config/edge-config.ts";
import { type WorkerState, workerForLink, workerForVisitor } from "./pick-worker.ts";
import type { StartedEdge } from "./running-edge.ts";
import { openDoors } from "./shared-listeners.ts";
import { isEdgeNews } from "./worker-messages.ts";

/** Beside this file, in the sources and built. */
const WORKER = join(import.meta.dirname, `worker${extname(import.meta.filename)}`);

/** What a worker has told. */
interface Told {
  keys: number;
  tunnels: number;
}

/** Rejects with what the system says of an address, or with why a worker cannot start; nothing is left then. */
export const startEdgeWorkers = async (
  { config, copy }: CopiedConfig<EdgeConfig>,
  log: Log,
): Promise<StartedEdge> => {
  const told = new Map<CrewMember, Told>();
  const toldBy = (member: CrewMember): Told => {
    const known = told.get(member) ?? { keys: 0, tunnels: 0 };
    told.set(member, known);
    return known;
  };
  let trusts = inNetworks(config.trustedProxies);
  let able = (): readonly (WorkerState & { readonly member: CrewMember })[] => [];

  const tunnelDoor = config.visitors.length;
  const listens = [...config.visitors.map(({ listen }) => listen), config.tunnel.listen];
  const doors = await openDoors(listens, (door, socket) => {
    const worker = door === tunnelDoor ? workerForLink(able(), systemChance) : forVisitor(socket);
    // None serves at this moment, or the peer is gone already.
    if (worker === undefined) return void socket.destroy();
    if (door === tunnelDoor) toldBy(worker.member).tunnels++;
    worker.member.serve(door, socket);
  });
  const forVisitor = ({ remoteAddress: address, remotePort: port }: Socket) =>
    address === undefined || port === undefined
      ? undefined
      : workerForVisitor(able(), { address, port }, trusts);

  const crew = await startCrew({
    workers: config.workers,
    program: WORKER,
    copy,
    drainMs: config.times.drainMs,
    log,
    news(member, news) {
      if (!isEdgeNews(news)) return;
      if (news.about === "links") toldBy(member).keys = news.keyIds.length;
      else toldBy(member).tunnels--;
    },
    gone: (member) => told.delete(member),
  }).catch((error: unknown) => {
    doors.close();
    throw error;
  });
  able = () => crew.able.map((member) => ({ member, number: member.number, ...toldBy(member) }));

  return {
    visitorsAddresses: doors.addresses.slice(0, tunnelDoor),
    tunnelAddress: doors.addresses[tunnelDoor] ?? { host: "", port: 0 },
    async reload(next) {
      await crew.reload(next.copy, next.config.times.drainMs);
      trusts = inNetworks(next.config.trustedProxies);
    },
    async forget(what) {
      const erased = await crew.ask(what);
      return erased.reduce<number>((sum, each) => sum + Number(each), 0);
    },
    async stop() {
      doors.close();
      await crew.stop();
    },
  };
};
