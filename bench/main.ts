#!/usr/bin/env node
/** `coilgun-bench`: measures what Coilgun saves. One command per question; bench/README.md says what each measures. */
import { programNamed, runProgram } from "../protocol/daemon/cli.ts";
import { attackCommand } from "./attack/attack.ts";
import { baseKindsCommand } from "./codec/base-kinds.ts";
import { codecCommand } from "./codec/codec.ts";
import { storeCommand } from "./codec/store.ts";
import { makeCorpusCommand } from "./corpus/make-corpus.ts";
import { demoCommand } from "./demo-run/demo-command.ts";
import { eventsCommand } from "./events/events.ts";
import { slowPagesCommand } from "./events/slow-pages.ts";
import { failoverCommand } from "./failover/failover.ts";
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

const COMMANDS = [
  tryCommand(),
  recordCommand(),
  replayCommand(),
  pairCommand(),
  frameworksCommand(),
  codecCommand(),
  baseKindsCommand(),
  storeCommand(),
  eventsCommand(),
  slowPagesCommand(),
  crumbsCommand(),
  placesCommand(),
  restingCommand(),
  failoverCommand(),
  restartSavingsCommand(),
  killsCommand(),
  attackCommand(),
  demoCommand(),
  makeCorpusCommand(),
];

const program = programNamed(
  "coilgun-bench",
  "Measures what Coilgun saves: on your site, on captured pages, on the demo site.",
);
// What is not understood ends in one exit code, whichever command it was said to.
for (const command of COMMANDS) program.addCommand(command.copyInheritedSettings(program));

await runProgram(program, process.argv.slice(2));
