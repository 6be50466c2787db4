#!/usr/bin/env node
/** `coilgun-bench`: measures what Coilgun saves. One command per question; bench/README.md says what each measures. */
import { Command } from "commander";
import { baseKindsCommand } from "./base-kinds.ts";
import { codecCommand } from "./codec.ts";
import { demoCommand } from "./demo-command.ts";
import { eventsCommand } from "./events.ts";
import { makeCorpusCommand } from "./make-corpus.ts";
import { pairCommand } from "./pair/command.ts";
import { replayCommand } from "./replay.ts";
import { groundOfMeasurement } from "./versions.ts";

await new Command("coilgun-bench")
  .description("measure what Coilgun saves, on captured pages and on the demo site")
  .version(groundOfMeasurement().coilgun)
  .addCommand(replayCommand())
  .addCommand(pairCommand())
  .addCommand(codecCommand())
  .addCommand(baseKindsCommand())
  .addCommand(eventsCommand())
  .addCommand(demoCommand())
  .addCommand(makeCorpusCommand())
  .parseAsync();
