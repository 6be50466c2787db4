/** Makes garbage in turns for a while, as requests do, and prints what the young generation has grown to, in MiB. */
import { getHeapSpaceStatistics } from "node:v8";
import { keepYoungGenerationSmall } from "../../../protocol/runtime/young-generation.ts";

if (process.argv[2] === "bounded") keepYoungGenerationSmall();
let kept: object[] = [];
let turns = 0;
const turn = (): void => {
  for (let n = 0; n < 5_000; n++) kept.push([n, n]);
  if (kept.length > 200_000) kept = [];
  if (++turns < 600) setImmediate(turn);
  else {
    const young = getHeapSpaceStatistics().find(({ space_name }) => space_name === "new_space");
    console.log(Math.round((young?.space_size ?? 0) / 1024 / 1024));
  }
};
turn();
