/** One worker of an origin daemon: a whole origin side, with links and a store of its own. Started by workers.ts only. */

import { memoryShare, shareOf, storeShare } from "../../protocol/config/workers-config.ts";
import { systemClock } from "../../protocol/runtime/clock.ts";
import { runWorker } from "../../protocol/workers/run-worker.ts";
import { type OriginConfig, originSettings } from "../config/origin-config.ts";
import { startOrigin } from "./daemon.ts";

/** A web server shall see no more connections than its route says, and memory be no more than the file says. */
const workersPart = (config: OriginConfig, workers: number): OriginConfig => ({
  ...config,
  store: storeShare(config.store, workers),
  memory: memoryShare(config, workers),
  routes: config.routes.map((route) => ({ ...route, connections: shareOf(route.connections, workers) })),
});

runWorker({
  schema: originSettings,
  async start(config, { log, place }) {
    const daemon = await startOrigin(workersPart(config, place.of), { log, clock: systemClock });
    return {
      reload: (next) => daemon.reload(workersPart(next, place.of)),
      stop: () => daemon.stop(),
    };
  },
});
