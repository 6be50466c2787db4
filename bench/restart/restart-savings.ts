/**
 * `coilgun-bench restart-savings <folder>`: what a restart of both sides costs on the link. The first half of each page's versions
 * goes through a pair; then the second half, in the corpus' order, once through the same pair and once through one that was
 * stopped and started before. Every body is compared.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { Command } from "commander";
import { type Clock, systemClock } from "../../protocol/runtime/clock.ts";
import { onlyFamilies, readCorpus } from "../corpus/corpus.ts";
import { throwUnlessCheckout } from "../pair/against.ts";
import { hostOf, type PlannedVisit, visitsOfCorpus } from "../replay/planned-visits.ts";
import { startReplayOrigin } from "../replay/replay-origin.ts";
import { type ReplayedVisit, visitAll } from "../replay/replay-visits.ts";
import { type Column, percent, renderTable, wholeNumber } from "../report/table.ts";
import { startPair } from "../rig/daemon-pair.ts";
import { interruptible } from "../rig/interrupt.ts";
import type { PairSettings } from "../rig/pair-config.ts";
import { visitorOf } from "../rig/visitor.ts";
import { wholeNumberFrom } from "../rig/whole-number.ts";

const MOST_VISITS = 1_000_000;
interface SavingsOptions {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly visits: number;
  /** Another checkout, whose daemons know no file. */
  readonly checkout: string | undefined;
}

interface Halves {
  readonly hosts: readonly string[];
  readonly first: readonly PlannedVisit[];
  readonly second: readonly PlannedVisit[];
}

/** Of each family the first half of its visits, and the second. */
const halvesOf = (visits: readonly PlannedVisit[], most: number): Pick<Halves, "first" | "second"> => {
  const families = Map.groupBy(visits, ({ family }) => family.name);
  const cut = [...families.values()].map((all) => [all, Math.ceil(all.length / 2)] as const);
  return {
    first: cut.flatMap(([all, middle]) => all.slice(0, middle)),
    second: cut.flatMap(([all, middle]) => all.slice(middle)).slice(0, most),
  };
};

/** Both halves; between them the pair is stopped and started, if it is to be. Resolves with the visits of the second half. */
const run = async (
  { hosts, first, second }: Halves,
  restarts: boolean,
  { clock, signal, checkout }: SavingsOptions,
): Promise<readonly ReplayedVisit[]> => {
  await using running = new AsyncDisposableStack();
  const folder = mkdtempSync(join(tmpdir(), "coilgun-restart-"));
  running.defer(async () => rmSync(folder, { recursive: true, force: true }));
  const origin = await startReplayOrigin();
  running.defer(() => origin.close());
  const storeOf = (side: string) => ({
    store: { file: join(folder, side), sessions: "file", keyFile: join(folder, `${side}.key`) },
  });
  const settings: PairSettings =
    checkout === undefined ? { edge: storeOf("edge"), origin: storeOf("origin") } : {};
  const routes = hosts.map((host) => ({ host, origin: origin.address }));
  const withPair = async (...parts: readonly (readonly PlannedVisit[])[]) => {
    await using started = new AsyncDisposableStack();
    const pair = await startPair({ routes, clock, signal, settings, checkout });
    started.defer(() => pair.stop());
    const visitor = visitorOf(pair.visitors, clock);
    started.defer(async () => visitor.close());
    const { link, exchanges } = pair;
    let visited: readonly ReplayedVisit[] = [];
    for (const part of parts)
      visited = await visitAll(
        part,
        { origin, visitor, link, exchanges, clock, signal },
        { countAll: true, onVisit: () => undefined },
      );
    return visited;
  };
  if (!restarts) return await withPair(first, second);
  await withPair(first);
  return await withPair(second);
};

interface RestartSavings {
  readonly visits: number;
  /** Of the link, both ways, without and with a restart before. */
  readonly steadyBytes: number;
  readonly restartedBytes: number;
  /** Of the answers that were small without a restart, the share that were after it. */
  readonly stillSmall: number;
  readonly wrong: number;
}

const bytesOf = (visits: readonly ReplayedVisit[]): number =>
  visits.reduce((sum, { link }) => sum + link.toEdge + link.toOrigin, 0);

const isSmall = ({ answer }: ReplayedVisit): boolean => answer === "delta" || answer === "same";

const compared = (steady: readonly ReplayedVisit[], restarted: readonly ReplayedVisit[]): RestartSavings => {
  const small = steady.flatMap((visit, at) => (isSmall(visit) ? [restarted[at]] : []));
  return {
    visits: restarted.length,
    steadyBytes: bytesOf(steady),
    restartedBytes: bytesOf(restarted),
    stillSmall: small.filter((visit) => visit !== undefined && isSmall(visit)).length / small.length,
    wrong: [...steady, ...restarted].filter(({ mismatch, error }) => mismatch || error !== undefined).length,
  };
};

const COLUMNS: readonly Column[] = [
  { title: "daemons", align: "left" },
  ...["visits", "steady bytes", "after a restart", "ratio", "bytes above", "deltas still", "wrong"].map(
    (title): Column => ({ title, align: "right" }),
  ),
];

const rowOf = (name: string, each: RestartSavings): readonly string[] => [
  name,
  wholeNumber(each.visits),
  wholeNumber(each.steadyBytes),
  wholeNumber(each.restartedBytes),
  (each.restartedBytes / each.steadyBytes).toFixed(3),
  wholeNumber(each.restartedBytes - each.steadyBytes),
  percent(each.stillSmall),
  wholeNumber(each.wrong),
];

interface SavingsFlags {
  readonly visits: number;
  readonly families?: readonly string[];
  readonly against?: string;
}

export const restartSavingsCommand = (): Command =>
  new Command("restart-savings")
    .description("what the visits after a restart of both sides cost, beside the same without one")
    .argument("<folder>", "a corpus (bench/README.md)")
    .option("--visits <number>", "visits after the restart", wholeNumberFrom(1, MOST_VISITS), 1_000)
    .option("--families <names>", "only these families, separated by commas", (names) => names.split(","))
    .option("--against <folder>", "another checkout of Coilgun, measured after this one")
    .action((folder: string, { visits, families, against }: SavingsFlags) =>
      interruptible(async (signal) => {
        if (against !== undefined) throwUnlessCheckout(against);
        const all = readCorpus(folder);
        const corpus = families === undefined ? all : onlyFamilies(all, families);
        const halves = { hosts: corpus.families.map(hostOf), ...halvesOf(visitsOfCorpus(corpus), visits) };
        const rows: (readonly string[])[] = [];
        let wrong = 0;
        for (const checkout of against === undefined ? [undefined] : [undefined, resolve(against)]) {
          const options = { clock: systemClock, signal, visits, checkout };
          const steady = await run(halves, false, options);
          const found = compared(steady, await run(halves, true, options));
          wrong += found.wrong;
          rows.push(rowOf(checkout ?? "this", found));
        }
        process.stdout.write(`${renderTable(COLUMNS, rows)}\n`);
        return wrong === 0 ? 0 : 1;
      }),
    );
