/**
 * `status` and `health` on either side's command line: what the running daemon says of itself, once or again and again,
 * and whether it is ready.
 */
import type { Command, Option } from "commander";
import { askStatus } from "../admin/ask-daemon.ts";
import { printStatus, STATUS_LABEL } from "../admin/print-status.ts";
import { loadAdmin } from "../config/config-file.ts";
import { systemClock } from "../runtime/clock.ts";
import { EXIT, exampleOf, say, sayLabelled } from "./cli.ts";

const EVERY_MS = 2_000;
/** To the top left corner, and clear from there. */
const CLEAR = "\x1b[H\x1b[2J";

/**
 * `config` is the option of the config file, of which `admin` alone is read: what else may be wrong with it is nothing
 * that a running daemon has.
 */
export const addStatusCommand = (program: Command, config: Option): void => {
  program
    .command("status")
    .description("say how the running daemon does: links, hosts, store, and what the last minutes saved")
    .option("--json", "as JSON, by docs/status.schema.json", false)
    .option("--watch", "again every two seconds", false)
    .addOption(config)
    .addHelpText("after", exampleOf(`${program.name()} status --watch`))
    .action(async ({ config: file, json, watch }: { config: string; json: boolean; watch: boolean }) => {
      const admin = loadAdmin(file);
      for (;;) {
        const status = await askStatus(admin, file, { program: program.name() });
        // One write, so that the screen does not flicker.
        const clear = watch && process.stdout.isTTY ? CLEAR : "";
        if (json) say(`${clear}${JSON.stringify(status)}`);
        else sayLabelled(`${clear}${printStatus(status).join("\n")}`, STATUS_LABEL);
        if (!watch) return;
        await pause();
      }
    });

  program
    .command("health")
    .description(
      "end with 0 if the running daemon is ready, and with 1 and the reasons if not: for HEALTHCHECK",
    )
    .addOption(config)
    .addHelpText("after", exampleOf(`${program.name()} health || echo "not ready"`))
    .action(async ({ config: file }: { config: string }) => {
      const { ready, reasons } = await askStatus(loadAdmin(file), file, { program: program.name() });
      say(ready ? "ready" : `not ready: ${reasons.join("; ")}`);
      if (!ready) process.exitCode = EXIT.failed;
    });
};

/** The clock's own timers keep no process alive. */
const pause = async (): Promise<void> => {
  const keeper = new MessageChannel();
  keeper.port1.ref();
  await systemClock.sleep(EVERY_MS);
  keeper.port1.close();
};
