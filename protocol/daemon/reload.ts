/**
 * `reload` as an operator's command: asks the running daemon to read its config again, as SIGHUP does, and says what came of it.
 */
import type { Command, Option } from "commander";
import { type AskOptions, askDaemon } from "../admin/ask-daemon.ts";
import { socketOf } from "../config/admin-settings.ts";
import { loadAdmin } from "../config/config-file.ts";
import { ConfigError } from "../config/parse-config.ts";
import { Complaint } from "../runtime/user-error.ts";
import { exampleOf, say } from "./cli.ts";

/** What came of reading a config again. */
export type Reloaded =
  /** `restart`: settings that only a restart takes over, with their old and their new value. */
  | { readonly reloaded: true; readonly restart: readonly string[] }
  /** The config in use stays. */
  | { readonly reloaded: false; readonly problems: readonly string[] };

/** `config` is the option of the config file, `example` one. */
export const addReloadCommand = (program: Command, config: Option, example: string): void => {
  program
    .command("reload")
    .description("have the running daemon read its config again, and say what came of it")
    .addOption(config)
    .addHelpText("after", exampleOf(`${program.name()} reload -c ${example}`))
    .action(async ({ config: file }: { config: string }) => {
      for (const line of await askToReload(adminIn(file), file, { program: program.name() })) say(line);
    });
};

/** Where a file cannot be read at all, nobody can be asked; the daemon would say the same. Throws Complaint. */
const adminIn = (file: string): string | undefined => {
  try {
    return socketOf(loadAdmin(file));
  } catch (error) {
    throw error instanceof ConfigError ? notReloaded(error.message.split("\n")) : error;
  }
};

const notReloaded = (problems: readonly string[]): Complaint =>
  new Complaint(["not reloaded: the config in use stays", ...problems].join("\n  "));

/** Lines to print; throws Complaint where nothing was reloaded. `file` is the config, for the messages. @internal */
export const askToReload = async (
  admin: string | undefined,
  file: string,
  options: AskOptions,
): Promise<readonly string[]> => {
  const { program } = options;
  if (admin === undefined)
    throw new Complaint(
      `${file} sets no admin socket; set admin, such as ./admin.sock, and restart ${program}, or send it SIGHUP and read its log`,
    );
  const answer = (await askDaemon(admin, "reload", {}, options)) as Partial<Reloaded> | undefined;
  if (answer?.reloaded !== true)
    throw notReloaded(answer?.reloaded === false ? (answer.problems ?? []) : ["its log says why"]);
  return ["config reloaded", ...(answer.restart ?? []).map((each) => `needs a restart: ${each}`)];
};
