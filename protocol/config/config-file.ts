/**
 * A config file as it is on the disk: read at the start, at each reload and by commands. What cannot be a config file
 * is told as such, rather than waited for or taken into memory.
 */
import { readFileSync, type Stats, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { z } from "zod";
import { everyAddress } from "../runtime/ip-address.ts";
import { type AdminListen, adminSetting } from "./admin-settings.ts";
import {
  ConfigError,
  parseConfig,
  type SchemaFor,
  type SharedText,
  type Surroundings,
} from "./parse-config.ts";

/** Bytes. A larger one holds something else. */
const MOST_BYTES = 16 * 2 ** 20;

const isPipeOrDevice = (found: Stats): boolean => !found.isFile() && !found.isDirectory();

/** The path of every file that is read is put in `alsoRead`. */
export const surroundingsOf = (file: string, alsoRead: string[] = []): Surroundings => ({
  pathOf: (name) => resolve(dirname(file), name),
  everyAddress: everyAddress(),
  read(path) {
    // A pipe or a device would hold up the whole daemon, at each reload too.
    if (isPipeOrDevice(statSync(path)))
      throw Object.assign(new Error(`${path} is a pipe or a device`), { code: "a pipe or a device" });
    const bytes = readFileSync(path);
    alsoRead.push(path);
    return bytes;
  },
});

/** Of no file, for documents that are the same on every machine. */
export const ANYWHERE: Surroundings = { ...surroundingsOf("/"), everyAddress: "[::]" };

/**
 * Reads and checks a config file. Throws ConfigError, also when the file cannot be read. The path of every file that
 * the config names is put in `alsoRead`.
 */
export const loadConfig = <T>(
  file: string,
  schemaFor: SchemaFor<T>,
  alsoRead: string[] = [],
  shared?: SharedText,
): T => {
  const schema = schemaFor(surroundingsOf(file, alsoRead));
  return parseConfig({ file, text: readConfigText(file), schema, ...(shared && { shared }) });
};

/**
 * What a config file says of `admin`, whatever else is wrong with it, and whoever may not read the files that it names: a daemon that runs
 * is asked there, and may run by what the file said before. Throws ConfigError.
 */
export const loadAdmin = (file: string): readonly AdminListen[] => {
  const schema = z.looseObject({ admin: adminSetting(surroundingsOf(file), "commands") });
  return parseConfig({ file, text: readConfigText(file), schema, only: "admin" }).admin;
};

/** The text of a daemon's own config file. Throws ConfigError. */
export const readConfigText = (
  file: string,
  missing = "name another with --config, or make one with `coilgun-edge pair`",
): string =>
  readText(file, missing, (found) => {
    if (isPipeOrDevice(found))
      return "this is a pipe or a device, which cannot be read at each reload; write it to a file";
    return found.size > MOST_BYTES ? "this file is larger than 16 MiB, which no config file is" : undefined;
  });

/** The text of a file that is read once, and may be a pipe. Throws ConfigError. */
export const readTextOnce = (file: string, missing: string): string =>
  readText(file, missing, () => undefined);

/** `refuse` says why what was found is not read. */
const readText = (file: string, missing: string, refuse: (found: Stats) => string | undefined): string => {
  const problem = (message: string) => new ConfigError([{ file, line: 1, column: 1, message }]);
  try {
    const refused = refuse(statSync(file));
    if (refused !== undefined) throw problem(refused);
    return new TextDecoder("utf-8", { fatal: true }).decode(readFileSync(file));
  } catch (error) {
    throw error instanceof ConfigError ? error : problem(whyUnreadable(error, missing));
  }
};

const UNREADABLE: Readonly<Record<string, string>> = {
  EACCES: "this user may not read the file; run as its owner, or change its owner or mode",
  EISDIR: "this is a folder, not a config file",
  ELOOP: "this is a link that leads back to itself",
  ERR_ENCODING_INVALID_ENCODED_DATA: "the file is not UTF-8 text",
};

const whyUnreadable = (error: unknown, missing: string): string => {
  const code = error instanceof Error && "code" in error ? String(error.code) : "unknown";
  if (code === "ENOENT") return `there is no such file; ${missing}`;
  return UNREADABLE[code] ?? `the file cannot be read (${code})`;
};
