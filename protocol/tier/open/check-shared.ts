/** Whether the shared store that a config names is reached, and by daemons of one store key: for `check`. */
import type { StoreSettings } from "../../config/store-settings.ts";
import { type Finding, ok, problem, warning } from "../../daemon/findings.ts";
import { openRedis } from "../../redis/client.ts";
import type { Clock } from "../../runtime/clock.ts";
import { keyMark, OTHER_KEY } from "../shared/compare-keys.ts";
import { SharedKeys, type Side } from "../shared/shared-keys.ts";
import { storeKeyIn } from "../store-key.ts";

/** A store that needs longer helps nobody. */
const WITHIN_MS = 3_000;
const LOOK_MS = 20;

/** Throws Complaint for a bad key file. */
export const checkShared = async (
  { shared, keyFile, sessionMs }: StoreSettings,
  { side, clock }: { readonly side: Side; readonly clock: Clock },
): Promise<readonly Finding[]> => {
  if (shared === undefined || keyFile === undefined) return [];
  const storeKey = storeKeyIn(keyFile);
  let why: string | undefined;
  const redis = openRedis(shared.reveal(), {
    clock,
    name: `coilgun-${side}-check`,
    changed: (_, reason) => {
      why = reason;
    },
  });
  try {
    const found = await clock.within(WITHIN_MS, undefined, async (signal) => {
      while (!redis.isConnected) await clock.sleep(LOOK_MS, signal);
      const mark = keyMark(side);
      return await Promise.race([redis.ask(mark, ["GET", mark]), clock.sleep(WITHIN_MS, signal)]);
    });
    const { prefix } = new SharedKeys({ redis, storeKey, side, sessionMs, now: () => clock.now() });
    return found === null || String(found) === prefix
      ? [ok(`store.shared: ${shared} is reached; all that share it need the same ${keyFile}`)]
      : [warning(`store.shared: ${shared} is used with another store.keyFile than ${keyFile}`, OTHER_KEY)];
  } catch (error) {
    const reason = why ?? (error instanceof Error ? error.message : String(error));
    return [
      problem(
        `store.shared: ${shared} is not reached (${reason})`,
        "start it, or set another address; the daemon runs without it, and remembers in its own memory",
      ),
    ];
  } finally {
    redis.close();
  }
};
