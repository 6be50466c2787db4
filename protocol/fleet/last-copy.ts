/**
 * The last good copy of a shared config, on this machine's disk: what was last served, as it lay in the store, sealed and signed. A
 * daemon starts with it, whatever became of the store, and takes nothing older.
 */
import { loadConfig, surroundingsOf } from "../config/config-file.ts";
import { ConfigError, type SchemaFor } from "../config/parse-config.ts";
import { replacePrivateFile } from "../daemon/private-file.ts";
import { Complaint, codeOf } from "../runtime/user-error.ts";
import { type Fleet, type FleetKind, fleetOf } from "./fleet-settings.ts";
import { type FleetConfig, openServable } from "./signed-config.ts";

/** The copy, or why there is none that can be used. */
type LastCopy = { readonly config: FleetConfig } | { readonly config?: undefined; readonly why: string };

export const readCopy = (fleet: Fleet): LastCopy => {
  try {
    const signed = surroundingsOf(fleet.copy).read(fleet.copy).toString("latin1");
    return { config: openServable(signed, fleet) };
  } catch (error) {
    if (error instanceof Complaint)
      return { why: `the copy at ${fleet.copy} cannot be used: ${error.message}` };
    const why =
      codeOf(error) === "ENOENT" ? "there is no copy" : `the copy cannot be read (${codeOf(error)})`;
    return { why: `${why} at ${fleet.copy}` };
  }
};

/** Several daemons may keep one copy: a newer one stays. Throws Node's error. */
export const writeCopy = (fleet: Fleet, config: FleetConfig): void => {
  const before = readCopy(fleet).config;
  if (before === undefined || before.version < config.version) replacePrivateFile(fleet.copy, config.signed);
};

/**
 * Reads and checks a config file, with the shared settings beside it where it names some: `shared`, or the last good copy. Throws
 * ConfigError.
 */
export const loadBesideShared = <T>(
  file: string,
  schemaFor: SchemaFor<T>,
  kind: FleetKind,
  {
    alsoRead = [],
    shared,
  }: { readonly alsoRead?: string[] | undefined; readonly shared?: FleetConfig | undefined },
): T => {
  const fleet = fleetOf(file, kind);
  if (fleet === undefined) return loadConfig(file, schemaFor, alsoRead);
  const copy = shared === undefined ? readCopy(fleet) : { config: shared };
  if (copy.config === undefined)
    throw new ConfigError([
      { file, line: 1, column: 1, message: `config: ${copy.why}; the daemon fetches one when it starts` },
    ]);
  const { version, text } = copy.config;
  return loadConfig(file, schemaFor, alsoRead, {
    file: `${fleet.place.shown} (version ${version})`,
    text,
    settings: kind.settings,
  });
};
