/**
 * The vocabulary that both daemons' config schemas are written in: a block of settings, a size, a time, an address, a
 * file; and the blocks that both have. Every default stands in a schema as text, in the form a person would write it,
 * and is read by the same code. Messages follow a setting's name: "store.size is not a size; ...".
 */
import { z } from "zod";
import { Complaint, codeOf } from "../runtime/user-error.ts";
import { parseHostPattern } from "./host-pattern.ts";
import { LOG_FORMATS, LOG_LEVELS, type LogSettings } from "./log-settings.ts";
import type { Surroundings } from "./parse-config.ts";
import {
  parseDialledAddress,
  parseHostName,
  parseHostPort,
  parseSize,
  parseTime,
  UnitError,
} from "./units.ts";

/**
 * A block of settings; one that is not named in `shape` is a problem. `elsewhere` says of names that are settings
 * under other conditions what these are, `form` what may be written where that is not only a block.
 */
export const block = <Shape extends z.core.$ZodLooseShape>(
  shape: Shape,
  elsewhere: Readonly<Record<string, string>> = {},
  form?: string,
) =>
  z
    .strictObject(shape, {
      error: ({ code, input }) =>
        form !== undefined && code === "invalid_type" && input !== undefined ? `must be ${form}` : undefined,
    })
    .meta({ elsewhere });

/** A text that `read` turns into a value. UnitErrors become problems; `form` tells what to write in place of no text. */
export const written = <T>(read: (text: string) => T, form: string) =>
  z
    .string({ error: (issue) => (issue.input === undefined ? undefined : `must be ${form}`) })
    .transform((text, context): T => {
      try {
        return read(text);
      } catch (error) {
        if (!(error instanceof UnitError || error instanceof Complaint)) throw error;
        context.addIssue({ code: "custom", message: error.message });
        return z.NEVER;
      }
    })
    .meta({ form });

/** Bounds of a size or time, written as in the config. */
export interface WrittenBounds {
  readonly least: string;
  readonly most?: string;
}

const within =
  (read: (text: string) => number, bounds: WrittenBounds) =>
  (text: string): number => {
    const value = read(text);
    if (value < read(bounds.least)) throw new UnitError(`must be at least ${bounds.least}`);
    if (bounds.most !== undefined && value > read(bounds.most))
      throw new UnitError(`must be at most ${bounds.most}`);
    return value;
  };

/** Bytes. */
export const size = (normally: string, bounds: WrittenBounds) =>
  written(within(parseSize, bounds), "a size with its unit, such as 256 MiB")
    .meta({ form: "size", bounds })
    .prefault(normally);

/** Bytes; undefined for `off`. */
export const sizeOrOff = (normally: string, bounds?: WrittenBounds) => {
  const read = bounds === undefined ? parseSize : within(parseSize, bounds);
  const readOrOff = (text: string): number | undefined => {
    if (text === "off") return undefined;
    try {
      return read(text);
    } catch (error) {
      throw error instanceof UnitError ? new UnitError(`${error.message}, or off`) : error;
    }
  };
  return written(readOrOff, "a size with its unit, or off")
    .meta({ form: "size, or off", bounds })
    .prefault(normally);
};

/** Milliseconds. */
export const time = (normally: string, bounds: WrittenBounds) =>
  written(within(parseTime, bounds), "a time with its unit, such as 30s")
    .meta({ form: "time", bounds })
    .prefault(normally);

/** For a check whose value is none where it fails: the checks of what it stands in are not given it. */
export const OR_NO_VALUE = { abort: true } as const;

/** Whatever is wrong with it, the message says what may be written. */
export const wholeNumber = (bounds: { readonly least: number; readonly most?: number }) => {
  const { least, most = Number.MAX_SAFE_INTEGER } = bounds;
  const allowed = bounds.most === undefined ? `of at least ${least}` : `from ${least} to ${most}`;
  const error = ({ input }: { readonly input?: unknown }) =>
    input === undefined ? undefined : `must be a whole number ${allowed}`;
  const check = { ...OR_NO_VALUE, error };
  return z.int(check).min(least, check).max(most, check).meta({ form: "number", bounds });
};

export const count = (normally: number, bounds: { readonly least: number; readonly most: number }) =>
  wholeNumber(bounds).prefault(normally);

/** Where this side listens. */
export const hostPort = () => written(parseHostPort, "host:port, such as 0.0.0.0:8080 or [::]:8080");

/** What is dialled: a host, and a port where that is another one than `defaultPort`. */
export const dialledAddress = (defaultPort: number) =>
  written(
    (text) => parseDialledAddress(text, defaultPort),
    `a host and its port, such as edge.example.com:${defaultPort}`,
  );

export const hostName = () => written(parseHostName, "a host name, such as www.example.com");

export const hostPattern = () =>
  written(parseHostPattern, "a host name, such as www.example.com or *.example.com, or * for every host");

/** Of `times`, on both sides. */
export const heartbeat = () =>
  time("1s", { least: "500ms", most: "5m" }).describe(
    "Silence on a link in use after which it is asked for a sign of life: others come first after two of them, and it ends after five. One at rest is asked after three by the origin side, which alone can dial again, after ten by the edge.",
  );

/** A block that may be left out: then each of its settings has its default. */
export const optionalBlock = <Shape extends z.core.$ZodLooseShape>(shape: Shape) =>
  block(shape).prefault({} as never);

/** A plain value standing for a block that has only this setting: `www.example.com` for `{ host: www.example.com }`. */
export const shortFor =
  (setting: string) =>
  (value: unknown): unknown =>
    typeof value === "object" && value !== null ? value : { [setting]: value };

/** A block about a link that names no mode is of `mode: psk`. */
export const withMode = (value: unknown): unknown =>
  typeof value === "object" && value !== null && !Array.isArray(value)
    ? { ...value, mode: ("mode" in value ? value.mode : undefined) ?? "psk" }
    : value;

/** Where an edge listens for origin sides unless its config says otherwise. */
export const TUNNEL_PORT = 7443;

/**
 * A file that a config names, relative to itself, and what was in it when the config was read. It may be a private
 * key, so whatever prints one shows its path only.
 */
export class NamedFile {
  readonly path: string;
  readonly #bytes: Buffer;

  constructor(path: string, bytes: Buffer) {
    this.path = path;
    this.#bytes = bytes;
  }

  get bytes(): Buffer {
    return this.#bytes;
  }
}

/**
 * Full path of the file that a setting names. Throws UnitError for what is meant for none: `off`, and the empty text
 * that a variable leaves which is not there.
 */
export const readPath = (name: string, near: Surroundings): string => {
  if (name === "") throw new UnitError("is empty; write a path, or leave the setting out");
  if (name === "off")
    throw new UnitError("must be a path; leave the setting out to have none, or write ./off");
  return near.pathOf(name);
};

/** Reads the file at once, so that a missing one is a problem of the config, with its line. */
export const namedFile = (near: Surroundings) =>
  written((name): NamedFile => {
    const path = readPath(name, near);
    try {
      return new NamedFile(path, near.read(path));
    } catch (error) {
      throw new UnitError(`names ${whyUnread(codeOf(error))}`);
    }
  }, "a file's name");

const FROM_THERE = "relative names start at the config's folder";
const whyUnread = (code: string): string => {
  if (code === "ENOENT") return `a file that is not there; ${FROM_THERE}`;
  if (code === "EACCES")
    return "a file that this user may not read; change its owner or mode, or that of a folder above it";
  if (code === "EISDIR") return `a folder; name the file in it; ${FROM_THERE}`;
  return `a file that cannot be read (${code}); ${FROM_THERE}`;
};

/** Refuses a second element of a list with the same `by`; the problem stands at the second. */
export const noTwoAlike =
  <T>(by: (each: T) => string, message: string, setting?: string) =>
  (payload: z.core.ParsePayload<readonly T[]>): void => {
    // Elements with problems of their own are no values.
    if (payload.issues.length > 0) return;
    const seen = new Set<string>();
    for (const [index, each] of payload.value.entries()) {
      const name = by(each);
      const path = setting === undefined ? [index] : [index, setting];
      if (seen.has(name)) payload.issues.push({ code: "custom", message, path, input: each });
      seen.add(name);
    }
  };

/** What is not the store: bodies under way, queues, retained answers, contexts. */
export interface MemorySettings {
  readonly budgetBytes: number;
  /** Most that one key may hold of it. */
  readonly perKeyBytes: number;
}

export const memoryBlock = () =>
  optionalBlock({
    budget: size("128 MiB", { least: "8 MiB" }).describe(
      "Most bytes of everything else under way: pages put together, answers kept until they are acknowledged, grown windows.",
    ),
    perKey: size("64 MiB", { least: "4 MiB" }).describe(
      "Most bytes of the budget that one key may hold; without room a page passes and is not remembered.",
    ),
  })
    .refine(({ budget, perKey }) => perKey <= budget, {
      abort: true,
      path: ["perKey"],
      error: "must be at most memory.budget",
    })
    .transform(({ budget, perKey }): MemorySettings => ({ budgetBytes: budget, perKeyBytes: perKey }))
    .describe("What is under way, beside the store.");

export const drainStreams = () =>
  time("2s", { least: "0s", most: "1h" }).describe(
    "The same for event streams and upgraded connections, which browsers open again.",
  );

export const logBlock = () =>
  optionalBlock({
    level: z.enum(LOG_LEVELS).prefault("info").describe("The least important lines that are written."),
    format: z
      .enum(LOG_FORMATS)
      .prefault("auto")
      .describe("One event a line, on standard error; `auto` is text on a terminal and JSON elsewhere."),
  })
    .transform((settings): LogSettings => settings)
    .describe("The log of events.");

/** On both sides. */
export const hostMetrics = () =>
  z
    .boolean()
    .prefault(false)
    .describe("Whether the metrics of answers say which host: a series for each, up to 200 hosts.");
