#!/usr/bin/env node
/** `coilgun-bench`: measures what Coilgun saves. One command per question; bench/README.md says what each measures. */
import type { Command } from "commander";
import { exampleOf, programNamed, runProgram } from "../protocol/daemon/cli.ts";
import { attackCommand } from "./attack/attack.ts";
import { browsersCommand } from "./browsers/browsers.ts";
import { baseKindsCommand } from "./codec/base-kinds.ts";
import { codecCommand } from "./codec/codec.ts";
import { storeCommand } from "./codec/store.ts";
import { makeCorpusCommand } from "./corpus/make-corpus.ts";
import { demoCommand } from "./demo-run/demo-command.ts";
import { eventsCommand } from "./events/events.ts";
import { slowPagesCommand } from "./events/slow-pages.ts";
import { failoverCommand } from "./failover/failover.ts";
import { fleetCommand } from "./fleet/fleet.ts";
import { fleetConfigCommand } from "./fleet-config/fleet-config.ts";
import { frameworksCommand } from "./frameworks/frameworks.ts";
import { pairCommand } from "./pair/command.ts";
import { crumbsCommand } from "./pair/crumbs.ts";
import { placesCommand } from "./places/places.ts";
import { restingCommand } from "./places/resting.ts";
import { replayCommand } from "./replay/replay.ts";
import { killsCommand } from "./restart/kills.ts";
import { restartSavingsCommand } from "./restart/restart-savings.ts";
import { recordCommand } from "./try/record.ts";
import { tryCommand } from "./try/try.ts";

/** Each with an example of its use. */
const COMMANDS: readonly (readonly [Command, string])[] = [
  [tryCommand(), "try https://www.example.com/ --crawl 20 --html report.html"],
  [recordCommand(), "record https://www.example.com/ --crawl 20 --out capture"],
  [replayCommand(), "replay capture --json report.json"],
  [pairCommand(), "pair --load --seconds 10"],
  [frameworksCommand(), "frameworks --json report.json"],
  [codecCommand(), "codec capture"],
  [baseKindsCommand(), "kinds capture"],
  [storeCommand(), "store capture"],
  [eventsCommand(), "events --events 200"],
  [slowPagesCommand(), "slow-pages"],
  [browsersCommand(), "browsers"],
  [crumbsCommand(), "crumbs --connections 50"],
  [placesCommand(), "places --seconds 10"],
  [restingCommand(), "resting --rounds 3"],
  [failoverCommand(), "failover"],
  [fleetCommand(), "fleet capture --faults"],
  [restartSavingsCommand(), "restart-savings capture"],
  [killsCommand(), "kills"],
  [fleetConfigCommand(), "fleet-config --edges 20 --changes 1000"],
  [attackCommand(), "attack --secrets 100"],
  [demoCommand(), "demo --stay"],
  [makeCorpusCommand(), "make-corpus capture"],
];

const program = programNamed(
  "coilgun-bench",
  "Measures what Coilgun saves: on your site, on captured pages, on the demo site.",
);
// What is not understood ends in one exit code, whichever command it was said to.
for (const [command, example] of COMMANDS) {
  command.copyInheritedSettings(program).addHelpText("after", exampleOf(`coilgun-bench ${example}`));
  program.addCommand(command);
}

await runProgram(program, process.argv.slice(2));
