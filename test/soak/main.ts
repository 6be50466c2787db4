/**
 * `npm run soak`: a pair of real daemons under mixed traffic and every fault there is, for as long as said; the report says what came
 * of it. The exit code is 1 if anything was wrong, processed twice, or hung, or too little was answered outside the faults' own seconds.
 * Ended by Ctrl-C or SIGTERM it reports what there was until then.
 *
 *   --minutes N    how long; 20
 *   --seed S       order of the faults, and what is asked; chosen by the machine and printed
 *   --visitors N   at once; 16
 *   --faults TEXT  only those whose name contains it, commas between several; all
 *   --log FILE     what the daemons logged and held, a line each; nowhere
 */
import { randomInt } from "node:crypto";
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { throwUnlessLinux } from "../../bench/pair/consumption.ts";
import { interruptible } from "../../bench/rig/interrupt.ts";
import { FAULT_NAMES } from "./faults.ts";
import { LEAST_RIGHT, passed, reportOf } from "./report.ts";
import { runSoak } from "./soak.ts";

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "20" },
    seed: { type: "string", default: String(randomInt(2 ** 31)) },
    visitors: { type: "string", default: "16" },
    faults: { type: "string", default: "" },
    log: { type: "string" },
  },
});
const [minutes, seed, visitors] = [Number(values.minutes), Number(values.seed), Number(values.visitors)];
if (!(minutes > 0 && Number.isInteger(seed) && Number.isInteger(visitors) && visitors > 0)) {
  process.stderr.write("soak: --minutes takes a number above 0, --seed and --visitors a whole number\n");
  process.exit(1);
}
await interruptible(async (signal) => {
  throwUnlessLinux();
  process.stdout.write(`seed ${seed}, ${minutes} minutes, ${visitors} visitors\n`);
  const report = await runSoak({
    seed,
    visitors,
    seconds: minutes * 60,
    faults: FAULT_NAMES.filter((name) => values.faults.split(",").some((part) => name.includes(part))),
    pauseMs: 400,
    calmMs: 3_000,
    onEvent: (text) => process.stdout.write(`${text}\n`),
    signal,
  });
  if (values.log !== undefined) {
    const samples = report.samples.map((sample) => ({ event: "sample", ...sample }));
    const lines = [...report.logged, ...samples].map((line) => `${JSON.stringify(line)}\n`);
    writeFileSync(values.log, lines.join(""));
  }
  process.stdout.write(`\n${reportOf(report)}\n`);
  signal.throwIfAborted();
  if (passed(report)) return 0;
  process.stdout.write(`failed: nothing may be wrong, and ${LEAST_RIGHT * 100} % must be right outside\n`);
  return 1;
});
