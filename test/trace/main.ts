/**
 * `npm run trace`: through how many files one warm GET goes, and how often it changes from one to another. Shown is the GET with
 * the median of moves among several.
 *
 *   --checkout DIR   another checkout of Coilgun than this one
 *   --list           each file, with the functions entered in it and the moves out of it; and the most frequent moves
 *   --sequence       every function entered, in order, grouped by file
 *   --json           figures and files as JSON
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { figuresOf, runsOf } from "./figures.ts";
import { traceGets } from "./traced-gets.ts";

const TRANSITIONS_SHOWN = 40;

const { values } = parseArgs({
  options: {
    checkout: { type: "string", default: join(import.meta.dirname, "..", "..") },
    list: { type: "boolean", default: false },
    sequence: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
  },
});

const { traces, pageBytes, deltaBytes } = await traceGets(values.checkout);
const byMoves = traces
  .map((trace) => ({ trace, figures: figuresOf(trace) }))
  .sort((a, b) => a.figures.moves - b.figures.moves);
const median = byMoves[(byMoves.length - 1) / 2];
if (median === undefined) throw new Error("nothing was traced");
const { trace, figures } = median;
const movesOfEach = byMoves.map((each) => each.figures.moves);
const count = (number: number) => String(number).padStart(5);

if (values.json) {
  console.log(JSON.stringify({ pageBytes, deltaBytes, movesOfEach, ...figures }, undefined, 2));
} else {
  console.log(`one warm GET of ${pageBytes} bytes, answered by a delta of ${deltaBytes} bytes`);
  console.log(`${count(figures.entries)} functions entered`);
  console.log(`${count(figures.files)} files entered`);
  console.log(
    `${count(figures.moves)} moves between files (of ${traces.length} GETs: ${movesOfEach.join(" ")})`,
  );
  console.log(`${count(figures.rootEntries)} entries into the composition root`);
  if (values.list) {
    console.log("\nentries  moves out  file");
    for (const { file, entries, movesOut } of figures.perFile)
      console.log(`${String(entries).padStart(7)}  ${String(movesOut).padStart(9)}  ${file}`);
    console.log("\nmoves  from > to");
    for (const each of figures.transitions.slice(0, TRANSITIONS_SHOWN))
      console.log(`${count(each.count)}  ${each.from} > ${each.to}`);
  }
  if (values.sequence) {
    for (const { file, entered } of runsOf(trace)) {
      console.log(`\n${file}`);
      for (const { name, line } of entered) console.log(`  ${line}: ${name}`);
    }
  }
}
