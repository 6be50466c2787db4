/**
 * Whether the shared store that a config names is reached, does what daemons ask of it, and is that of one store key:
 * for `check`. Nothing is made in it.
 */
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

/** Each kind of command that daemons need, asked about a key that is not there: nothing changes, and what may not be done is refused. */
const trialsOf = (key: string): readonly (readonly [string, ...string[]])[] => [
  ["SET", key, "", "XX", "PX", "1"],
  ["GETEX", key],
  ["GETRANGE", key, "0", "1"],
  ["PEXPIRE", key, "1"],
  ["DEL", key],
  ["HGET", key, "a"],
  ["HGETALL", key],
  ["HKEYS", key],
  ["HDEL", key, "a"],
  ["XADD", key, "NOMKSTREAM", "*", "a", ""],
  ["XRANGE", key, "-", "+"],
  ["XREVRANGE", key, "+", "-"],
  ["EVAL", "return 1", "1", key],
  ["PUBLISH", key, ""],
];

/** What to do, by how a refusal begins. */
const ADVICE: Readonly<Record<string, string>> = {
  NOAUTH: "write its user and password in the address, as redis://user:password@host",
  WRONGPASS: "mend its user and password in the address, redis://user:password@host",
  NOPERM: "give its user what docs/operations.md says, A fleet",
  READONLY: "name the server that takes writes, or its Sentinels",
  OOM: "raise its maxmemory, and set maxmemory-policy volatile-lru",
};

const adviceOn = (reason: string): string | undefined => ADVICE[reason.split(" ", 1)[0] ?? ""];

/** Throws Complaint for a bad key file. */
export const checkShared = async (
  { shared, keyFile, sessionMs }: StoreSettings,
  { side, clock }: { readonly side: Side; readonly clock: Clock },
): Promise<readonly Finding[]> => {
  if (shared === undefined || keyFile === undefined) return [];
  const storeKey = storeKeyIn(keyFile);
  let why: string | undefined;
  let isReached = false;
  const redis = openRedis(shared.reveal(), {
    clock,
    name: `coilgun-${side}-check`,
    changed: (isConnected, reason) => {
      isReached = isConnected;
      why = reason;
    },
  });
  const mark = keyMark(side);
  const nobodys = `${mark}-check`;
  redis.subscribe(nobodys, () => {});
  try {
    const found = await clock.within(WITHIN_MS, undefined, async (signal) => {
      while (!isReached) {
        // Who is refused once is refused again.
        if (why !== undefined && adviceOn(why) !== undefined) throw new Error(why);
        await clock.sleep(LOOK_MS, signal);
      }
      const trials = trialsOf(nobodys).map((each) => redis.ask(nobodys, each));
      const asked = Promise.all([redis.ask(mark, ["GET", mark]), ...trials]);
      const [value] = (await Promise.race([asked, clock.sleep(WITHIN_MS, signal)])) ?? [];
      return value;
    });
    const { prefix } = new SharedKeys({ redis, storeKey, side, sessionMs, now: () => clock.now() });
    return found === null || String(found) === prefix
      ? [ok(`store.shared: ${shared} is reached; all that share it need the same ${keyFile}`)]
      : [warning(`store.shared: ${shared} is used with another store.keyFile than ${keyFile}`, OTHER_KEY)];
  } catch (error) {
    const reason = why ?? (error instanceof Error ? error.message : String(error));
    return [
      problem(
        `store.shared: ${shared} ${isReached ? "refuses what daemons ask" : "is not reached"} (${reason})`,
        `${adviceOn(reason) ?? "start it, or set another address"}; the daemon runs without it, and remembers in its own memory`,
      ),
    ];
  } finally {
    redis.close();
  }
};
