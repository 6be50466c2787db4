/**
 * `coilgun-bench fleet`: several edges and origin sides with a shared store on each side. What they cost on the link beside one pair, what
 * visitors see while the stores fail, and what a store costs in time.
 */
import { Command } from "commander";
import { systemChance, systemClock } from "../../protocol/runtime/clock.ts";
import { onlyFamilies, readCorpus } from "../corpus/corpus.ts";
import { chanceFor } from "../demo-site/chance.ts";
import { wrkVersion } from "../pair/wrk.ts";
import { interruptible } from "../rig/interrupt.ts";
import { wholeNumberFrom } from "../rig/whole-number.ts";
import { faultsTable, measureFaults } from "./faults.ts";
import { hitsTable, lookupTable, measureHits, measureLookups } from "./quick.ts";
import { measureSpread, spreadTable } from "./spread.ts";

const MOST_ROUNDS = 99;
const MOST_VISITS = 1_000_000;
interface FleetFlags {
  readonly visits: number;
  readonly families?: readonly string[];
  readonly seed: string;
  readonly faults?: boolean;
  readonly only: string;
  readonly rounds: number;
  readonly lookup?: boolean;
  readonly hits?: boolean;
}

/** Each child listens for the end of this process. */
const MOST_CHILDREN = 32;

const say = (text: string): void => void process.stdout.write(`${text}\n`);

export const fleetCommand = (): Command =>
  new Command("fleet")
    .description("measure edges and origin sides that share a store on each side (redis-server)")
    .argument("[folder]", "a corpus (bench/README.md), whose visits are spread at random")
    .option("--visits <number>", "so many visits of the corpus", wholeNumberFrom(1, MOST_VISITS), 1_000)
    .option("--families <names>", "only these families, separated by commas", (names) => names.split(","))
    .option("--seed <text>", "of what is chosen at random", String(systemChance()).slice(2, 8))
    .option("--faults", "what visitors see while the stores fail")
    .option("--only <text>", "only faults, or pages of --hits, whose name contains this", "")
    .option("--rounds <number>", "of each fault", wholeNumberFrom(1, MOST_ROUNDS), 3)
    .option("--lookup", "the time of a visit where memory misses and the store has it")
    .option("--hits", "requests a second where memory has what it needs (wrk)")
    .action((folder: string | undefined, flags: FleetFlags) =>
      interruptible(async (signal) => {
        const { seed, families, only } = flags;
        process.setMaxListeners(MOST_CHILDREN);
        const options = { clock: systemClock, signal };
        const chance = chanceFor(seed, "fleet");
        say(`seed ${seed}`);
        let flaws = 0;
        if (folder !== undefined) {
          const all = readCorpus(folder);
          const corpus = families === undefined ? all : onlyFamilies(all, families);
          const spread = await measureSpread({ ...options, corpus, chance, most: flags.visits });
          say(spreadTable(spread));
          flaws += spread.wrong;
        }
        if (flags.faults === true) {
          const rows = await measureFaults({ ...options, chance, only, rounds: flags.rounds });
          say(faultsTable(rows));
          flaws += rows.filter(({ failed, backMs }) => failed > 0 || backMs === undefined).length;
        }
        if (flags.lookup === true) {
          const lookups = await measureLookups(options);
          say(lookupTable(lookups));
          flaws += lookups.wrong;
        }
        if (flags.hits === true) {
          if (wrkVersion() === undefined) throw new Error("--hits needs wrk: apt-get install wrk");
          const hits = await measureHits({ ...options, only });
          say(hitsTable(hits));
          flaws += hits.reduce((sum, { errors }) => sum + errors, 0);
        }
        return flaws === 0 ? 0 : 1;
      }),
    );
