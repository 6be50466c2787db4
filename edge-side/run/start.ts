/**
 * The edge daemon together with its admin socket, started and stopped as one. A port that cannot be had is told with the
 * setting's name.
 */

import { whyNotListening } from "../../protocol/daemon/findings.ts";
import type { Log } from "../../protocol/daemon/log.ts";
import type { RunningDaemon } from "../../protocol/daemon/run-daemon.ts";
import { serveAdmin } from "../command/admin.ts";
import type { EdgeConfig } from "../config/edge-config.ts";
import { type EdgeDaemon, startEdge } from "./daemon.ts";

export interface EdgeWithAdmin
  extends RunningDaemon<EdgeConfig>,
    Pick<EdgeDaemon, "visitorsAddresses" | "tunnelAddress"> {}

/** Rejects with a Complaint when an address or the admin socket cannot be had; nothing is left open then. */
export const startWithAdmin = async (config: EdgeConfig, log: Log): Promise<EdgeWithAdmin> => {
  const daemon = await startEdge(config, { log }).catch((error: unknown) => {
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
        if (next.admin !== path) log.warn("admin is changed by a restart only", { admin: path ?? "none" });
        await daemon.reload(next);
      },
      reopenAccessLog: () => daemon.reopenAccessLog(),
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
