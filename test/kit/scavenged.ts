/** What scavenges free of the pages that went through a table that is old itself. See TurnoverMap. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

const PAGE_BYTES = 2_000;

/**
 * Hands `pass` one page after the other, in all 22 times as many as are `live` at a time; gives how many times `live` pages are in memory
 * then without a collection of the whole heap. Those that are old, and those that are there, make 2.
 */
export const keptOf = (live: number, pass: (page: Buffer<ArrayBuffer>, number: number) => void): number => {
  setFlagsFromString("--expose-gc");
  const gc: (options?: { type: "minor" }) => void = runInNewContext("gc");
  let passed = 0;
  const passMany = (many: number) => {
    for (const end = passed + many; passed < end; passed++)
      pass(Buffer.allocUnsafeSlow(PAGE_BYTES) as Buffer<ArrayBuffer>, passed);
  };
  gc();
  gc(); // what the first one found is freed in the background; the second waits for that
  const before = process.memoryUsage().arrayBuffers;
  passMany(2 * live);
  // What outlives two of them is old: the table, and what is in it now.
  for (let times = 0; times < 2; times++) gc({ type: "minor" });
  passMany(20 * live);
  // The last one waits for what the one before it freed.
  for (let times = 0; times < 3; times++) gc({ type: "minor" });
  return (process.memoryUsage().arrayBuffers - before) / PAGE_BYTES / live;
};
