#!/usr/bin/env node
/** `coilgun-bench`: measures what Coilgun saves. One command per question; bench/README.md says what each measures. */
import { Command } from "commander";
import { attackCommand } from "./attack/attack.ts";
import { baseKindsCommand } from "./codec/base-kinds.ts";
import { codecCommand } from "./codec/codec.ts";
import { makeCorpusCommand } from "./corpus/make-corpus.ts";
import { groundOfMeasurement } from "./corpus/versions.ts";
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

await new Command("coilgun-bench")
  .description("measure what Coilgun saves, on captured pages and on the demo site")
  .version(groundOfMeasurement().coilgun)
  .addCommand(replayCommand())
  .addCommand(pairCommand())
  .addCommand(frameworksCommand())
  .addCommand(codecCommand())
  .addCommand(baseKindsCommand())
  .addCommand(eventsCommand())
  .addCommand(slowPagesCommand())
  .addCommand(crumbsCommand())
  .addCommand(placesCommand())
  .addCommand(restingCommand())
  .addCommand(failoverCommand())
  .addCommand(attackCommand())
  .addCommand(demoCommand())
  .addCommand(makeCorpusCommand())
  .parseAsync();
