/** `config` on either side's command line: reads and changes the settings that a fleet shares, and makes the keys for it. */
import { type Command, InvalidArgumentError, type Option } from "commander";
import { readTextOnce, surroundingsOf } from "../config/config-file.ts";
import { ConfigError } from "../config/parse-config.ts";
import { exampleOf, say } from "../daemon/cli.ts";
import { makePrivateFolder, replacePrivateFile, writeNewPrivateFile } from "../daemon/private-file.ts";
import { systemClock } from "../runtime/clock.ts";
import { Complaint, codeOf } from "../runtime/user-error.ts";
import { makeLinkKey, secretText } from "../transport/key.ts";
import { ConfigFollower } from "./config-follower.ts";
import type { ConfigStore } from "./config-store.ts";
import { type Fleet, type FleetKind, fleetOf } from "./fleet-settings.ts";
import { readCopy } from "./last-copy.ts";
import { fetchConfig, withStore } from "./shared-config.ts";
import {
  type FleetConfig,
  newSigningKey,
  openConfig,
  parseSigningKey,
  publicKeyText,
  signConfig,
} from "./signed-config.ts";

const SIGNING_KEY = "config-signing.key";
const SEAL = "config-seal.key";

type Check = (file: string, shared: FleetConfig) => unknown;

/** `check` reads the machine's own file beside that version; it throws ConfigError. */
export const addConfigCommand = (program: Command, option: Option, kind: FleetKind, check: Check): void => {
  const words = `${program.name()} config`;
  const config = program
    .command("config")
    .description("read and change the settings that machines share (the setting config)")
    .addHelpText("after", exampleOf(`${words} get --out shared.yaml`, `${words} put shared.yaml`));
  const add = (name: string, description: string, example: string) =>
    config
      .command(name)
      .copyInheritedSettings(program)
      .description(description)
      .addHelpText("after", exampleOf(`${words} ${example}`));

  add("get", "print the newest version, its secrets left out, or write it to a file", "get --out shared.yaml")
    .argument("[version]", "an older one, as history lists it", numberOf)
    .option("--out <file>", "where to write it, secrets and all, for its owner alone")
    .option("--force", "replace a file that exists", false)
    .addOption(option)
    .action(
      async (
        wanted: number | undefined,
        { config: file, out, force }: { config: string; out?: string; force: boolean },
      ) => {
        const { version, text } = await getConfig(fleetIn(file, kind), wanted);
        if (out === undefined) return say(text.trimEnd());
        writeOut(out, text, force);
        say(`version ${version} is in ${out}`);
      },
    );

  add("put", "check a file of shared settings, sign it, and have every machine serve it", "put shared.yaml")
    .argument("<file>", `YAML with one or more of: ${kind.settings.join(", ")}`)
    .option("--key <file>", "the signing key", SIGNING_KEY)
    .addOption(option)
    .action(async (shared: string, { config: file, key }: { config: string; key: string }) => {
      const { version, place } = await putConfig(fleetIn(file, kind), { shared, key, check });
      say(`version ${version} is stored in ${place}`);
    });

  add("history", "list the versions that are kept, newest first", "history")
    .addOption(option)
    .action(async ({ config: file }: { config: string }) => {
      const fleet = fleetIn(file, kind);
      const kept = await withStore(fleet, { clock: systemClock }, (store) => historyOf(store, fleet));
      // Says why there is none.
      if (kept.length === 0) await fetchConfig(fleet, { clock: systemClock });
      for (const { version, at, signer, text } of kept)
        say(`${version}  ${at}  ${Buffer.byteLength(text)} bytes  by ${signer}`);
    });

  add("watch", "say each version as it comes, until it is interrupted", "watch")
    .addOption(option)
    .action(({ config: file }: { config: string }) => watch(fleetIn(file, kind)));

  add("keygen", "make the keys of a fleet: one that signs, and one that seals", "keygen --out .")
    .option("--out <folder>", "where to write them", ".")
    .action(({ out }: { out: string }) => {
      for (const line of makeKeys(out)) say(line);
    });
};

const writeOut = (out: string, text: string, force: boolean): void => {
  try {
    if (force) replacePrivateFile(out, text);
    else writeNewPrivateFile(out, text);
  } catch (error) {
    const code = codeOf(error);
    throw new Complaint(
      code === "EEXIST"
        ? `${out} exists; --force replaces it`
        : `${out} cannot be written (${code}); name another file with --out`,
    );
  }
};

const numberOf = (text: string): number => {
  if (/^[1-9]\d{0,14}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("It must be a version's number, such as 7.");
};

const fleetIn = (file: string, kind: FleetKind): Fleet => {
  const fleet = fleetOf(file, kind);
  if (fleet !== undefined) return fleet;
  throw new Complaint(
    `${file} shares no settings; set config, such as redis://store.internal:6379/0#coilgun, with configKey and configSeal`,
  );
};

const getConfig = async (fleet: Fleet, version: number | undefined): Promise<FleetConfig> => {
  const options = { clock: systemClock };
  if (version === undefined) return fetchConfig(fleet, options);
  const kept = await withStore(fleet, options, (store) => historyOf(store, fleet));
  const found = kept.find((each) => each.version === version);
  if (found !== undefined) return found;
  throw new Complaint(
    `version ${version} is not kept; kept are ${kept.map((each) => each.version).join(", ") || "none"}`,
  );
};

/** Those that verify, newest first, each once. */
const historyOf = async (store: ConfigStore, fleet: Fleet): Promise<readonly FleetConfig[]> => {
  const kept = (await store.history()).flatMap((signed) => verified(signed, fleet) ?? []);
  const once = new Map(kept.map((each) => [each.version, each]));
  return [...once.values()].sort((a, b) => b.version - a.version);
};

const verified = (signed: string, fleet: Fleet): FleetConfig | undefined => {
  try {
    return openConfig(signed, fleet);
  } catch (error) {
    if (error instanceof Complaint) return undefined;
    throw error;
  }
};

interface PutWhat {
  readonly shared: string;
  readonly key: string;
  readonly check: Check;
}

/** Nothing is stored unless it can be used beside the machine's own file, as a daemon would. */
const putConfig = async (
  fleet: Fleet,
  { shared, key, check }: PutWhat,
): Promise<{ readonly version: number; readonly place: string }> => {
  const text = readTextOnce(shared, "name one, such as `config get --out` writes");
  const signingKey = parseSigningKey(textIn(key));
  if (signingKey === undefined)
    throw new Complaint(`${key} holds no Ed25519 key in PEM; \`config keygen\` makes one`);
  const signer = publicKeyText(signingKey);
  if (!fleet.keys.includes(signer))
    throw new Complaint(`${key} may not change it: add ${signer} to configKey on every machine first`);
  const at = new Date(systemClock.today()).toISOString();
  return withStore(fleet, { clock: systemClock }, async (store) => {
    const beginning = await store.beginning();
    const known = [
      ...(await historyOf(store, fleet)),
      verified(await store.newest(), fleet),
      readCopy(fleet).config,
    ];
    const version = 1 + Math.max(fleet.atLeast - 1, ...known.map((each) => each?.version ?? 0));
    const signed = signConfig({ version, at, text }, fleet, signingKey);
    const config = openConfig(signed, fleet);
    checkAs(shared, fleet, () => check(fleet.file, config));
    if (!(await store.put(signed, beginning)))
      throw new Complaint(
        "another version was stored meanwhile; look at it with `config get`, and put yours again",
      );
    return { version, place: fleet.place.shown };
  });
};

/** Problems of the shared text are told by the name of the file that it was read from. */
const checkAs = (shared: string, { place }: Fleet, run: () => void): void => {
  try {
    run();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new ConfigError(
      error.problems.map((each) =>
        each.file.startsWith(`${place.shown} `) ? { ...each, file: shared } : each,
      ),
    );
  }
};

const textIn = (path: string): string => {
  try {
    return surroundingsOf(path).read(path).toString("utf8");
  } catch (error) {
    throw new Complaint(`${path} cannot be read (${codeOf(error)}); name the signing key with --key`);
  }
};

const watch = async (fleet: Fleet): Promise<void> => {
  const told = (event: string, { why = event } = {}) => say(why);
  // Neither a waiting connection nor the clock's timers keep the process.
  const keeper = new MessageChannel();
  keeper.port1.ref();
  new ConfigFollower(fleet, {
    clock: systemClock,
    log: { info: () => {}, warn: told, error: told },
    served: undefined,
    putsBack: false,
    apply: async ({ version, at, signer, text }) => {
      say(`version ${version}, signed ${at} by ${signer}, ${Buffer.byteLength(text)} bytes`);
      return undefined;
    },
  });
  await new Promise(() => {});
};

/** Writes both, and gives the lines to print. */
const makeKeys = (folder: string): readonly string[] => {
  const { pathOf } = surroundingsOf(`${folder}/keys`);
  const [signingFile, sealFile] = [pathOf(SIGNING_KEY), pathOf(SEAL)];
  const pem = newSigningKey();
  const signer = parseSigningKey(pem);
  if (signer === undefined) throw new Error("a new key is none");
  try {
    makePrivateFolder(folder);
    writeNewPrivateFile(signingFile, pem);
    writeNewPrivateFile(sealFile, `${secretText(makeLinkKey("seal").secret)}\n`);
  } catch (error) {
    const code = codeOf(error);
    const why =
      code === "EEXIST"
        ? `there are keys in ${folder} already`
        : `the keys cannot be written in ${folder} (${code})`;
    throw new Complaint(`${why}; name another folder with --out`);
  }
  return [
    `${signingFile} signs: keep it where settings are changed, and nowhere else`,
    `${sealFile} opens what is stored: copy it to every machine, for the daemon's user alone`,
    "in each machine's own file:",
    "  config: redis://store.internal:6379/0#coilgun",
    `  configKey: ${publicKeyText(signer)}`,
    `  configSeal: ./${SEAL}`,
  ];
};
