/**
 * The edge daemon, one program or several workers, together with its admin socket, started and stopped as one. A port that
 * cannot be had is told with the setting's name.
 */

import type { CopiedConfig } from "../../protocol/config/config-snapshot.ts";
import { whyNotListening } from "../../protocol/daemon/findings.ts";
import type { Log } from "../../protocol/daemon/log.ts";
import { systemClock } from "../../protocol/runtime/clock.ts";
import { serveAdmin } from "../command/admin.ts";
import type { EdgeConfig } from "../config/edge-config.ts";
import type { StartedEdge } from "./running-edge.ts";

export type EdgeWithAdmin = Omit<StartedEdge, "forget">;

/** Rejects with a Complaint when an address or the admin socket cannot be had; nothing is left open then. */
export const startWithAdmin = async (copied: CopiedConfig<EdgeConfig>, log: Log): Promise<EdgeWithAdmin> => {
  const { config } = copied;
  const daemon = await start(copied, log).catch((error: unknown) => {
    const visitors = config.visitors.map(({ listen }, i) => [
      i === 0 ? "visitors" : `visitors[${i}]`,
      listen,
    ]);
    throw whyNotListening(error, { ...Object.fromEntries(visitors), tunnel: config.tunnel.listen });
  });
  try {
    const path = config.admin;
    const admin =
      path === undefined ? undefined : await serveAdmin(path, { forget: (what) => daemon.forget(what) });
    return {
      visitorsAddresses: daemon.visitorsAddresses,
      tunnelAddress: daemon.tunnelAddress,
      async reload(next) {
        if (next.config.admin !== path)
          log.warn("admin is changed by a restart only", { admin: path ?? "none" });
        if (next.config.workers !== config.workers)
          log.warn("workers is changed by a restart only", { workers: config.workers });
        await daemon.reload(next);
      },
      async stop() {
        await admin?.close();
        await daemon.stop();
      },
    };
  } catch (error) {
    await daemon.stop();
    throw error;
  }
};

const start = async (copied: CopiedConfig<EdgeConfig>, log: Log): Promise<StartedEdge> => {
  if (copied.config.workers > 1) {
    const { startEdgeWorkers } = await import("./edge-workers.ts");
    return startEdgeWorkers(copied, log);
  }
  const { startEdge } = await import("./daemon.ts");
  const daemon = await startEdge(copied.config, { log, clock: systemClock });
  return {
    visitorsAddresses: daemon.visitorsAddresses,
    tunnelAddress: daemon.tunnelAddress,
    reload: (next) => daemon.reload(next.config),
    forget: (what) => daemon.forget(what),
    stop: () => daemon.stop(),
  };
};
