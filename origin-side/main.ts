#!/usr/bin/env node
/**
 * The command line of `coilgun-origin`: run and check.
 */
import type { Command } from "commander";
import { systemClock } from "../protocol/kit/clock.ts";
import { EXIT, programNamed, runProgram, say } from "../protocol/kit/command-line.ts";
import { loadCopied } from "../protocol/kit/config-copy.ts";
import { printFinding } from "../protocol/kit/findings.ts";
import { runDaemon } from "../protocol/kit/run-daemon.ts";
import { printHostPort } from "../protocol/kit/units.ts";
import { checkOrigin } from "./check.ts";
import { originSettings } from "./config.ts";
import { startOriginDaemon } from "./workers.ts";

const CONFIG = ["-c, --config <file>", "the config file", "origin.yaml"] as const;

const originProgram = (): Command => {
  const program = programNamed(
    "coilgun-origin",
    "Runs beside the web server, and dials the edge that serves visitors.",
  );

  program
    .command("run")
    .description("keep links up and answer until SIGTERM or SIGINT; SIGHUP reads the config again")
    .option(...CONFIG)
    .action(async ({ config: file }: { config: string }) => {
      const code = await runDaemon({
        load: () => loadCopied(file, originSettings),
        start: startOriginDaemon,
        describe: (_, { config: { edges, routes, workers } }) => ({
          edges: edges.map(({ address }) => printHostPort(address)),
          hosts: routes.map(({ host }) => host),
          ...(workers > 1 && { workers }),
        }),
      });
      // Whatever is still open has had its time: a stopped daemon does not linger.
      process.exit(code);
    });

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
