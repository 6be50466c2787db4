/**
 * The settings by which a machine reads a part of its config from a store that many share; they stand in its own file, and all others
 * beside them that are its alone. docs/running.md, "One config for a fleet".
 */
import { z } from "zod";
import { loadConfig, readConfigText, surroundingsOf } from "../config/config-file.ts";
import type { Surroundings } from "../config/parse-config.ts";
import { namedFile, OR_NO_VALUE, readPath, wholeNumber, written } from "../config/schema.ts";
import { UnitError } from "../config/units.ts";
import { parseRedisAddress, shownAddress } from "../redis/redis-address.ts";
import { parseSecret, type Secret } from "../transport/key.ts";
import { isPublicKeyText, type Side, type Trust } from "./signed-config.ts";

/** A store and a name in it. Whatever prints one leaves out the password. */
export class SharedPlace {
  /** With the name. */
  readonly shown: string;
  readonly #address: string;
  readonly #name: string;

  constructor(address: string, name: string) {
    this.shown = `${shownAddress(address)}#${name}`;
    this.#address = address;
    this.#name = name;
  }

  /** What `openRedis` takes. */
  get address(): string {
    return this.#address;
  }

  get name(): string {
    return this.#name;
  }

  /** With the password. */
  reveal(): string {
    return `${this.#address}#${this.#name}`;
  }

  toString(): string {
    return this.shown;
  }
}

export interface FleetSettings {
  readonly config?: SharedPlace | undefined;
  readonly configKey?: readonly string[] | undefined;
  readonly configSeal?: Secret | undefined;
  readonly configCopy?: string | undefined;
  readonly configAtLeast?: number | undefined;
}

const PLACE = /^(.+)#([\w.-]{1,64})$/;

const readPlace = (text: string): SharedPlace => {
  const [, address, name] = PLACE.exec(text) ?? [];
  if (address === undefined || name === undefined)
    throw new UnitError(
      "must end with # and a name of letters, digits, dots, dashes or underscores, such as redis://store.internal:6379/0#coilgun",
    );
  try {
    parseRedisAddress(address);
  } catch (error) {
    // It shows nothing of the text.
    throw new UnitError(error instanceof Error ? error.message : "is no address");
  }
  return new SharedPlace(address, name);
};

/** To be spread into a block, with `fleetIsWhole` as its check. */
export const fleetSettings = (near: Surroundings, side: Side) => ({
  config: written(readPlace, "an address and a name, such as redis://store.internal:6379/0#coilgun")
    .optional()
    .describe(
      "A Redis or Valkey, and a name in it, where settings that many machines share are read and followed; they stand there or here, each in one of them.",
    ),
  configKey: z
    .preprocess(
      (value: unknown) => (Array.isArray(value) ? value : [value]),
      z.array(written(readPublicKey, "a public key, as `config keygen` prints it")).min(1, OR_NO_VALUE),
    )
    .optional()
    .describe("The public key of who may change them, or a list of keys."),
  configSeal: namedFile(near)
    .transform(({ bytes }, context): Secret => {
      try {
        return parseSecret(bytes.toString("latin1").trim());
      } catch {
        context.addIssue({
          code: "custom",
          message: "names a file that does not hold the key that `config keygen` wrote; copy it whole",
        });
        return z.NEVER;
      }
    })
    .optional()
    .describe("A file with the key that they are sealed with; the same on every machine."),
  configCopy: written((name) => readPath(name, near), "a path, such as /var/lib/coilgun/shared.copy")
    .optional()
    .describe(
      `Where the last good copy of them is kept, sealed; without it, \`NAME-${side}.copy\` beside this file.`,
    ),
  configAtLeast: wholeNumber({ least: 1 })
    .optional()
    .describe(
      "The lowest version of them that is taken, as `config put` numbers it: a machine that has no copy yet takes no older one from whoever can write in the store.",
    ),
});

const readPublicKey = (text: string): string => {
  if (isPublicKeyText(text)) return text;
  throw new UnitError("must be ed25519: and 43 characters, as `config keygen` prints it");
};

/** `config` needs who may change it and the key that opens it. */
export const fleetIsWhole: z.core.CheckFn<FleetSettings> = ({ value, issues }) => {
  if (value.config === undefined) return;
  for (const name of ["configKey", "configSeal"] as const)
    if (value[name] === undefined)
      issues.push({
        code: "custom",
        message: `needs ${name} beside it; \`config keygen\` makes both keys`,
        path: ["config"],
        input: value.config.shown,
      });
};

/** Which settings of a side may be shared: those that a reload takes over, and that mean the same on every machine. */
export interface FleetKind {
  readonly side: Side;
  readonly settings: readonly string[];
}

/** What a file says of the config that it shares with others. */
export interface Fleet extends Trust, FleetKind {
  /** The machine's own file. */
  readonly file: string;
  readonly place: SharedPlace;
  /** Path of the last good copy. */
  readonly copy: string;
  /** No older version is served. */
  readonly atLeast: number;
}

/** `config` as any YAML may write it: where a name is escaped, there is a backslash. */
const MAY_NAME_CONFIG = /config|\\/;

/** Undefined where the file names no `config`. Throws ConfigError. */
export const fleetOf = (file: string, kind: FleetKind): Fleet | undefined => {
  // Most files share nothing, and a schema more for each start would take a twentieth of its time.
  if (!MAY_NAME_CONFIG.test(readConfigText(file))) return undefined;
  const settingsNear = (near: Surroundings) =>
    z.preprocess(
      // What is no block at all is told with all settings of the side, by who reads these.
      (value: unknown) => (typeof value === "object" && !Array.isArray(value) ? value : {}),
      z.looseObject(fleetSettings(near, kind.side)).check(fleetIsWhole),
    );
  const settings = loadConfig(file, settingsNear);
  const {
    config: place,
    configKey: keys,
    configSeal: seal,
    configCopy,
    configAtLeast: atLeast = 1,
  } = settings;
  if (place === undefined || keys === undefined || seal === undefined) return undefined;
  const copy = configCopy ?? surroundingsOf(file).pathOf(`${place.name}-${kind.side}.copy`);
  return { ...kind, file, place, name: place.name, keys, seal, copy, atLeast };
};
