/**
 * A config together with all that it was read from, so that another process can read the very same: a worker that is
 * started again runs on what the daemon runs on, whatever stands in the files meanwhile.
 */

import type { LogSettings } from "./log-settings.ts";
import { parseConfig, readConfigText, type SchemaFor, surroundingsOf } from "./parse-config.ts";

/** It may hold secrets: for a channel between a daemon's own processes, and for nothing else. */
export interface ConfigCopy {
  readonly file: string;
  readonly text: string;
  /** What the config names, by absolute path. */
  readonly files: ReadonlyMap<string, Uint8Array>;
}

export interface CopiedConfig<Config> {
  readonly config: Config;
  readonly copy: ConfigCopy;
  readonly log: LogSettings;
}

type WithLog = { readonly log: LogSettings };

/** Throws ConfigError. */
export const loadCopied = <Config extends WithLog>(
  file: string,
  schemaFor: SchemaFor<Config>,
): CopiedConfig<Config> => {
  const near = surroundingsOf(file);
  const files = new Map<string, Uint8Array>();
  const read = (path: string): Buffer => {
    const bytes = near.read(path);
    files.set(path, bytes);
    return bytes;
  };
  const text = readConfigText(file);
  const config = parseConfig({ file, text, schema: schemaFor({ ...near, read }) });
  return { config, copy: { file, text, files }, log: config.log };
};

/** The config that the copy was made of. */
export const readCopy = <Config>({ file, text, files }: ConfigCopy, schemaFor: SchemaFor<Config>): Config => {
  const read = (path: string): Buffer => {
    const bytes = files.get(path);
    if (bytes === undefined) throw new Error(`the copy of ${file} lacks ${path}`);
    return Buffer.from(bytes);
  };
  return parseConfig({ file, text, schema: schemaFor({ ...surroundingsOf(file), read }) });
};
