/**
 * Makes garbage in turns for a while, as requests do: objects, or pages in Buffers, of which some are in use, or objects that are old when they
 * are done with, or visits with pages, made where all that was made lived on before. Prints what the young generation has grown to, in MiB, and how often the whole heap was collected.
 */
import { GCProfiler, getHeapSpaceStatistics, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { keepYoungGenerationSmall } from "../../../protocol/runtime/young-generation.ts";

const [how, what] = process.argv.slice(2);
const bound = () => how === "bounded" && keepYoungGenerationSmall();
if (what !== "aging") bound();
/** What a daemon has loaded and holds: by that V8 reckons by how much the old generation may grow. */
const held = Array.from({ length: 300_000 }, (_, n) => [n, n]);
if (what === "aging") {
  // One that is under way, or was a moment ago, is not followed by another one for a while.
  setFlagsFromString("--expose-gc");
  runInNewContext("gc")();
  bound();
}
const profiler = new GCProfiler();
profiler.start();
let kept: object[] = [];
let turns = 0;
const IN_USE = 30;
const NO_PAGE = Buffer.alloc(0);
const visitOf = (page: Buffer) => ({ page, answer: { page }, pieces: [page] });
const make = {
  objects: () => {
    for (let n = 0; n < 5_000; n++) kept.push([n, n]);
    if (kept.length > 200_000) kept = [];
  },
  pages: () => {
    for (let n = 0; n < 12; n++) kept.push(Buffer.allocUnsafeSlow(200_000));
    kept = kept.slice(-IN_USE);
  },
  // Less than V8 would let the old generation grow by; then its collection has time to come to an end.
  aging: () => {
    if (turns < 50) for (let n = 0; n < 2_000; n++) kept.push(new Array(64).fill(n));
    else Array.from({ length: 5_000 }, (_, n) => [n]);
    if (kept.length > 30_000) kept = [];
  },
  visits: () => {
    if (turns < 200) for (let n = 0; n < 5_000; n++) kept.push(visitOf(NO_PAGE));
    else for (let n = 0; n < 12; n++) kept.push(visitOf(Buffer.allocUnsafeSlow(200_000)));
    if (turns === 199) kept = [];
    if (turns >= 200) kept = kept.slice(-IN_USE);
  },
}[String(what)];
const turn = (): void => {
  make?.();
  if (++turns < 600) setImmediate(turn);
  else {
    const young = getHeapSpaceStatistics().find(({ space_name }) => space_name === "new_space");
    const full = profiler.stop()?.statistics.filter(({ gcType }) => gcType === "MarkSweepCompact").length;
    console.log(
      JSON.stringify({ mib: Math.round((young?.space_size ?? 0) / 1024 / 1024), full, held: held.length }),
    );
  }
};
turn();
