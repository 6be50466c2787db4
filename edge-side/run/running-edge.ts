/** A running edge, one process or several. */

import type { CopiedConfig } from "../../protocol/config/config-snapshot.ts";
import type { RunningDaemon } from "../../protocol/daemon/run-daemon.ts";
import type { EdgeConfig } from "../config/edge-config.ts";
import type { EdgeDaemon } from "./daemon.ts";

/** An edge that listens. */
export interface StartedEdge
  extends RunningDaemon<CopiedConfig<EdgeConfig>>,
    Pick<EdgeDaemon, "visitorsAddresses" | "tunnelAddress" | "forget"> {}
