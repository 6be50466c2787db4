/** What `check` says of a config that is shared: whether its store is reached and keeps what it has, and which version verifies. */
import { type Finding, ok, problem, warning } from "../daemon/findings.ts";
import type { openRedis } from "../redis/client.ts";
import type { Clock } from "../runtime/clock.ts";
import { Complaint } from "../runtime/user-error.ts";
import { KEEPS_ALL, SET_NOEVICTION } from "./config-store.ts";
import { type FleetKind, fleetOf } from "./fleet-settings.ts";
import { readCopy } from "./last-copy.ts";
import { fetchConfig, withStore } from "./shared-config.ts";
import type { FleetConfig } from "./signed-config.ts";

interface CheckedShared {
  readonly findings: readonly Finding[];
  /** Whether there is anything to check the rest of the config beside. */
  readonly isComplete: boolean;
  /** What it is checked beside; undefined: the last good copy. */
  readonly shared?: FleetConfig;
}

/** Throws ConfigError. */
export const checkSharedConfig = async (
  file: string,
  kind: FleetKind,
  options: { readonly clock: Clock; readonly open?: typeof openRedis },
): Promise<CheckedShared> => {
  const fleet = fleetOf(file, kind);
  if (fleet === undefined) return { findings: [], isComplete: true };
  const { shown } = fleet.place;
  const copy = readCopy(fleet);
  try {
    const shared = await fetchConfig(fleet, options);
    const policy = await withStore(fleet, options, (store) => store.evictionPolicy()).catch(() => undefined);
    return {
      shared,
      isComplete: true,
      findings: [
        ok(`config: version ${shared.version} of ${shown}, signed ${shared.at}`),
        ...(copy.config !== undefined && copy.config.version > shared.version
          ? [
              problem(
                `config: ${shown} is behind this machine, which has served version ${copy.config.version}`,
                "put the config again; a daemon that runs gives the store its version back",
              ),
            ]
          : []),
        ...(policy === undefined || policy === KEEPS_ALL
          ? []
          : [warning(`config: the store may evict it (maxmemory-policy ${policy})`, SET_NOEVICTION)]),
      ],
    };
  } catch (error) {
    if (!(error instanceof Complaint)) throw error;
    const what = `config: ${shown}: ${error.message}`;
    if (copy.config === undefined)
      return { isComplete: false, findings: [problem(what, `mend that first: ${copy.why}`)] };
    return {
      isComplete: true,
      findings: [warning(what, `version ${copy.config.version} is served from ${fleet.copy} meanwhile`)],
    };
  }
};
