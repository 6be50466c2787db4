#!/usr/bin/env node
/** Runs what `coilgun-edge` was asked for. */
import { runProgram } from "../protocol/daemon/cli.ts";
import { edgeProgram } from "./edge-program.ts";

await runProgram(edgeProgram(), process.argv.slice(2));
