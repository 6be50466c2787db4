/**
 * Makes garbage in turns for a while, as requests do: objects, or pages in Buffers, of which some are in use. Prints what the young generation
 * has grown to, in MiB, and how often the whole heap was collected.
 */
import { GCProfiler, getHeapSpaceStatistics } from "node:v8";
import { keepYoungGenerationSmall } from "../../../protocol/runtime/young-generation.ts";

const [how, what] = process.argv.slice(2);
if (how === "bounded") keepYoungGenerationSmall();
/** What a daemon has loaded and holds: by that V8 reckons by how much the old generation may grow. */
const held = Array.from({ length: 300_000 }, (_, n) => [n, n]);
const profiler = new GCProfiler();
profiler.start();
let kept: object[] = [];
const IN_USE = 30;
const make = {
  objects: () => {
    for (let n = 0; n < 5_000; n++) kept.push([n, n]);
    if (kept.length > 200_000) kept = [];
  },
  pages: () => {
    for (let n = 0; n < 12; n++) kept.push(Buffer.allocUnsafeSlow(200_000));
    kept = kept.slice(-IN_USE);
  },
}[String(what)];
let turns = 0;
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
