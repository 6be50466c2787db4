/**
 * The command line of `coilgun-origin`: run, reload, status, health, check, config, settings and completion.
 */
import type { Command } from "commander";
import { printHostPort } from "../protocol/config/units.ts";
import { configOption, EXIT, exampleOf, programNamed, sayLabelled } from "../protocol/daemon/cli.ts";
import { addCompletionCommand } from "../protocol/daemon/completion.ts";
import { addDoctorCommand } from "../protocol/daemon/doctor.ts";
import { endProcess } from "../protocol/daemon/end-process.ts";
import { checkEnd, checkPrivacy, FINDING_LABEL, printFinding } from "../protocol/daemon/findings.ts";
import { checkMemory, originMemory } from "../protocol/daemon/memory-bound.ts";
import { addReloadCommand } from "../protocol/daemon/reload.ts";
import { runDaemon } from "../protocol/daemon/run-daemon.ts";
import { addSettingsCommand } from "../protocol/daemon/settings-command.ts";
import { addStatusCommand } from "../protocol/daemon/status-command.ts";
import { addConfigCommand } from "../protocol/fleet/config-command.ts";
import { startShared } from "../protocol/fleet/shared-config.ts";
import { systemClock } from "../protocol/runtime/clock.ts";
import { checkOrigin } from "./command/check.ts";
import { loadOriginConfig, ORIGIN_FLEET } from "./config/load-origin-config.ts";
import { originSettings } from "./config/origin-config.ts";
import { startOrigin } from "./run/daemon.ts";

const PROGRAM = "coilgun-origin";
const CONFIG = configOption("origin.yaml");

export const originProgram = (): Command => {
  const program = programNamed(
    PROGRAM,
    "Runs beside the web server, and dials the edge that serves visitors.",
  );

  program
    .command("run")
    .description("keep links up and answer until SIGTERM or SIGINT; SIGHUP reads the config again")
    .addOption(CONFIG)
    .addHelpText("after", exampleOf(`${PROGRAM} run -c /etc/coilgun/origin.yaml`))
    .action(async ({ config: file }: { config: string }) => {
      const files: string[] = [];
      const source = await startShared(file, ORIGIN_FLEET, {
        clock: systemClock,
        load: (shared) => {
          files.splice(0, files.length, file);
          return loadOriginConfig(file, files, shared);
        },
      });
      const code = await runDaemon({
        ...source,
        name: PROGRAM,
        doubts: (config) => [
          ...checkEnd(files[0]),
          ...checkPrivacy(files),
          ...checkMemory(originMemory(config)),
        ],
        start: (config, log) => startOrigin(config, { log }),
        describe: (_, { edges, routes }) => ({
          edges: edges.map(({ address }) => printHostPort(address)),
          hosts: routes.map(({ host }) => host),
        }),
      });
      // Whatever is still open has had its time: a stopped daemon does not linger.
      endProcess(code);
    });

  addReloadCommand(program, CONFIG, "/etc/coilgun/origin.yaml");
  addStatusCommand(program, CONFIG);
  addDoctorCommand(program, CONFIG, loadOriginConfig, (file) => checkOrigin(file, { clock: systemClock }));

  program
    .command("check")
    .description("read the config, ask each web server, and dial each edge")
    .addOption(CONFIG)
    .addHelpText("after", exampleOf(`${PROGRAM} check`))
    .action(async ({ config: file }: { config: string }) => {
      const findings = await checkOrigin(file, { clock: systemClock });
      for (const finding of findings) sayLabelled(printFinding(finding), FINDING_LABEL);
      if (findings.some(({ outcome }) => outcome === "problem")) process.exitCode = EXIT.failed;
    });

  addConfigCommand(program, CONFIG, ORIGIN_FLEET, (file, shared) => loadOriginConfig(file, [], shared));
  addSettingsCommand(program, originSettings);
  addCompletionCommand(program);

  return program;
};
