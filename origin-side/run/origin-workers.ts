/**
 * The origin daemon as its config wants it: one program, or several workers, each a whole origin side that every edge knows as
 * one more. The edge gives all pages of a template to the same one, so that its versions stay useful. SPEC sections "Roles" and
 * "Choosing a link".
 */
import { extname, join } from "node:path";
import type { CopiedConfig } from "../../protocol/config/config-snapshot.ts";
import type { Log } from "../../protocol/daemon/log.ts";
import type { RunningDaemon } from "../../protocol/daemon/run-daemon.ts";
import { systemClock } from "../../protocol/runtime/clock.ts";
import { startCrew } from "../../protocol/workers/supervisor.ts";
import type { OriginConfig } from "../config/origin-config.ts";

/** Beside this file, in the sources and built. */
const WORKER = join(import.meta.dirname, `worker${extname(import.meta.filename)}`);

/** Rejects with why a worker cannot start; none is left then. */
export const startOriginDaemon = async (
  { config, copy }: CopiedConfig<OriginConfig>,
  log: Log,
): Promise<RunningDaemon<CopiedConfig<OriginConfig>>> => {
  const daemon = config.workers === 1 ? await startAlone(config, log) : await startWorkers(config, copy, log);
  return {
    async reload(next) {
      if (next.config.workers !== config.workers)
        log.warn("workers is changed by a restart only", { workers: config.workers });
      await daemon.reload(next);
    },
    stop: () => daemon.stop(),
  };
};

const startAlone = async (
  config: OriginConfig,
  log: Log,
): Promise<RunningDaemon<CopiedConfig<OriginConfig>>> => {
  const { startOrigin } = await import("./daemon.ts");
  const daemon = await startOrigin(config, { log, clock: systemClock });
  return { reload: (next) => daemon.reload(next.config), stop: () => daemon.stop() };
};

const startWorkers = async (
  { workers, times }: OriginConfig,
  copy: CopiedConfig<OriginConfig>["copy"],
  log: Log,
): Promise<RunningDaemon<CopiedConfig<OriginConfig>>> => {
  const crew = await startCrew({ workers, program: WORKER, copy, drainMs: times.drainMs, log });
  return {
    reload: (next) => crew.reload(next.copy, next.config.times.drainMs),
    stop: () => crew.stop(),
  };
};
