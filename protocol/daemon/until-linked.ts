/** What the service manager waits for: units that start behind this one find that it serves, not only that it listens. */
import type { Watched } from "../admin/status.ts";
import type { Clock } from "../runtime/clock.ts";

/** Without a link they start all the same. @internal */
export const LINK_WAIT_MS = 5_000;
const LOOK_EVERY_MS = 100;

/** Resolves when a link is there, or after LINK_WAIT_MS; rejects with the signal's reason. */
export const untilLinked = async (
  watched: Pick<Watched, "readiness"> | undefined,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> => {
  for (let leftMs = LINK_WAIT_MS; leftMs > 0 && watched?.readiness().ready === false; leftMs -= LOOK_EVERY_MS)
    await clock.sleep(LOOK_EVERY_MS, signal);
};
