/**
 * The edge daemon, one program or several workers, together with its admin socket, started and stopped as one. A port that
 * cannot be had is told with the setting's name.
 */
import { systemClock } from "../protocol/kit/clock.ts";
import type { CopiedConfig } from "../protocol/kit/config-copy.ts";
import { whyNotListening } from "../protocol/kit/findings.ts";
import type { Log } from "../protocol/kit/log.ts";
import type { RunningDaemon } from "../protocol/kit/run-daemon.ts";
import { serveAdmin } from "./admin.ts";
import type { EdgeConfig } from "./config.ts";
import type { EdgeDaemon } from "./daemon.ts";

/** An edge that listens. */
export interface StartedEdge
  extends RunningDaemon<CopiedConfig<EdgeConfig>>,
    Pick<EdgeDaemon, "visitorsAddresses" | "tunnelAddress" | "forget"> {}

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
    const { startEdgeWorkers } = await import("./workers.ts");
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
