#!/usr/bin/env node
/**
 * The command line of `coilgun-origin`: run, reload, status and check.
 */
import type { Command } from "commander";
import { socketOf } from "../protocol/config/admin-settings.ts";
import { printHostPort } from "../protocol/config/units.ts";
import { EXIT, programNamed, runProgram, say } from "../protocol/daemon/cli.ts";
import { addDoctorCommand } from "../protocol/daemon/doctor.ts";
import { printFinding } from "../protocol/daemon/findings.ts";
import { askToReload } from "../protocol/daemon/reload.ts";
import { runDaemon } from "../protocol/daemon/run-daemon.ts";
import { addStatusCommand } from "../protocol/daemon/status-command.ts";
import { systemClock } from "../protocol/runtime/clock.ts";
import { checkOrigin } from "./command/check.ts";
import { loadOriginConfig } from "./config/origin-config.ts";
import { startOrigin } from "./run/daemon.ts";

const PROGRAM = "coilgun-origin";
const CONFIG = ["-c, --config <file>", "the config file", "origin.yaml"] as const;

const originProgram = (): Command => {
  const program = programNamed(
    PROGRAM,
    "Runs beside the web server, and dials the edge that serves visitors.",
  );

  program
    .command("run")
    .description("keep links up and answer until SIGTERM or SIGINT; SIGHUP reads the config again")
    .option(...CONFIG)
    .action(async ({ config: file }: { config: string }) => {
      const code = await runDaemon({
        name: PROGRAM,
        load: () => loadOriginConfig(file),
        start: (config, log) => startOrigin(config, { log }),
        describe: (_, { edges, routes }) => ({
          edges: edges.map(({ address }) => printHostPort(address)),
          hosts: routes.map(({ host }) => host),
        }),
      });
      // Whatever is still open has had its time: a stopped daemon does not linger.
      process.exit(code);
    });

  program
    .command("reload")
    .description("have the running daemon read its config again, and say what came of it")
    .option(...CONFIG)
    .action(async ({ config: file }: { config: string }) => {
      const admin = socketOf(loadOriginConfig(file).admin);
      for (const line of await askToReload(admin, file, { program: PROGRAM })) say(line);
    });

  addStatusCommand(program, CONFIG, loadOriginConfig);
  addDoctorCommand(program, CONFIG, loadOriginConfig, (file) => checkOrigin(file, { clock: systemClock }));

  program
    .command("check")
    .description("read the config, ask each web server, and dial each edge")
    .option(...CONFIG)
    .action(async ({ config: file }: { config: string }) => {
      const findings = await checkOrigin(file, { clock: systemClock });
      for (const finding of findings) say(printFinding(finding));
      if (findings.some(({ outcome }) => outcome === "problem")) process.exitCode = EXIT.failed;
    });

  return program;
};

await runProgram(originProgram(), process.argv.slice(2));
