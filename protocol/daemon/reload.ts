/**
 * `reload` as an operator's command: asks the running daemon to read its config again, as SIGHUP does, and says what came of it.
 */

import { type AskOptions, askDaemon } from "../admin/ask-daemon.ts";
import { Complaint } from "../runtime/user-error.ts";

/** What came of reading a config again. */
export type Reloaded =
  /** `restart`: settings that only a restart takes over, with their old and their new value. */
  | { readonly reloaded: true; readonly restart: readonly string[] }
  /** The config in use stays. */
  | { readonly reloaded: false; readonly problems: readonly string[] };

/** Lines to print; throws Complaint where nothing was reloaded. `file` is the config, for the messages. */
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
  if (answer?.reloaded !== true) {
    const problems = answer?.reloaded === false ? (answer.problems ?? []) : ["its log says why"];
    throw new Complaint(["not reloaded: the config in use stays", ...problems].join("\n  "));
  }
  return ["config reloaded", ...(answer.restart ?? []).map((each) => `needs a restart: ${each}`)];
};
