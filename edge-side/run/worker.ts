/**
 * One worker of an edge: all of an edge but the ports, with links and a store of its own. Started by workers.ts only.
 */

import { memoryShare, shareOf, storeShare } from "../../protocol/config/workers-config.ts";
import { systemClock } from "../../protocol/runtime/clock.ts";
import { runWorker } from "../../protocol/workers/run-worker.ts";
import type { ForgetWhat } from "../command/forget.ts";
import { type EdgeConfig, edgeSettings } from "../config/edge-config.ts";
import { startEdge } from "./daemon.ts";
import type { EdgeNews } from "./worker-messages.ts";

const workersPart = (config: EdgeConfig, workers: number): EdgeConfig => ({
  ...config,
  store: storeShare(config.store, workers),
  memory: memoryShare(config, workers),
  limits: {
    ...config.limits,
    visitors: shareOf(config.limits.visitors, workers),
    pendingLinksPerAddress: shareOf(config.limits.pendingLinksPerAddress, workers),
  },
});

runWorker({
  schema: edgeSettings,
  async start(config, { log, place, tell }) {
    const news = (told: EdgeNews) => tell(told);
    const daemon = await startEdge(workersPart(config, place.of), {
      log,
      clock: systemClock,
      asWorker: {
        workers: place.of,
        linked: (keyIds) => news({ about: "links", keyIds }),
        tunnelClosed: () => news({ about: "tunnel closed" }),
      },
    });
    return {
      reload: (next) => daemon.reload(workersPart(next, place.of)),
      answer: (what) => daemon.forget(what as ForgetWhat),
      serve: (door, socket) => daemon.take(door, socket),
      stop: () => daemon.stop(),
    };
  },
});
