#!/usr/bin/env node
/** Runs what `coilgun-origin` was asked for. */
import { runProgram } from "../protocol/daemon/cli.ts";
import { originProgram } from "./origin-program.ts";

await runProgram(originProgram(), process.argv.slice(2));
