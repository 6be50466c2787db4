/**
 * `coilgun-bench demo`, also `npm run demo`: Coilgun at work in a quarter of a minute. Starts the demo site and a real
 * pair of daemons with a fresh key, sends visits through them, shows what each kind of page costs on the link, checks
 * every body, and cleans up. With `--stay` it goes on for a person's own browser.
 */
import { Command, InvalidArgumentError } from "commander";
import { parseHostPort } from "../../protocol/config/units.ts";
import { type Clock, systemClock } from "../../protocol/runtime/clock.ts";
import { type DemoSite, startDemoSite } from "../demo-site/site.ts";
import { type LiveArea, liveArea, type Terminal } from "../report/table.ts";
import { type DaemonPair, startPair } from "../rig/daemon-pair.ts";
import { interruptible } from "../rig/interrupt.ts";
import { type Visitor, visitorOf } from "../rig/visitor.ts";
import { DemoTally } from "./demo-tally.ts";
import { type PlannedVisit, VISITS_PER_ROUND, visitsOfRound } from "./demo-visits.ts";
import { VisitCosts } from "./visit-costs.ts";

const SEED = 2408;
const SECONDS = 11;
const MOST_SECONDS = 3600;
const ROUNDS_PER_SECOND = 4;
/** Visitors come back to a page after about a minute. */
const TOWN_MINUTES_PER_SECOND = 4;
const LOG_LINES_MS = 5_000;

interface DemoFlags {
  readonly seconds: number;
  readonly stay: boolean;
}

interface Stage {
  readonly site: DemoSite;
  readonly pair: DaemonPair;
  readonly visitor: Visitor;
  readonly tally: DemoTally;
  readonly costs: VisitCosts;
  readonly area: LiveArea;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

export const demoCommand = (): Command =>
  new Command("demo")
    .description("send visits of a changing site through a pair of daemons and watch the link")
    .option("--seconds <number>", "how long visits are sent", seconds, SECONDS)
    .option("--stay", "go on afterwards for your own browser, until Ctrl-C", false)
    .action((flags: DemoFlags) =>
      interruptible((signal) => runDemo(flags, { clock: systemClock, signal, terminal: process.stdout })),
    );

/** Runs the demo; resolves with its exit code: 1 when a page was damaged. */
async function runDemo(
  flags: DemoFlags,
  {
    clock,
    signal,
    terminal,
  }: { readonly clock: Clock; readonly signal: AbortSignal; readonly terminal: Terminal },
): Promise<number> {
  await using running = new AsyncDisposableStack();
  terminal.write("Starting a site that changes all the time, coilgun-origin, and coilgun-edge ...\n");
  const tally = new DemoTally();
  const costs = new VisitCosts();
  const opened = clock.now();
  const site = await startDemoSite({
    seed: SEED,
    moment: () => ((clock.now() - opened) / 1000) * TOWN_MINUTES_PER_SECOND,
    onPage(page) {
      tally.served(page);
      costs.served(page);
    },
    costOf: (requestId) => clock.within(LOG_LINES_MS, signal, () => costs.of(requestId)),
  });
  running.defer(() => site.close());
  const pair = await startPair({ routes: [{ host: "localhost", origin: site.address }], clock, signal });
  running.defer(() => pair.stop());
  const visitor = visitorOf(pair.visitors, clock);
  running.defer(async () => visitor.close());

  const area = liveArea(terminal);
  // In a pipe or a file the table comes at the end only.
  if (!terminal.isTTY) terminal.write(`Sending visits for ${flags.seconds} s ...\n`);
  const stage: Stage = { site, pair, visitor, tally, costs, area, clock, signal };
  await sendVisits(stage, flags.seconds);
  await tally.settled();
  if (flags.stay) await stay(stage, terminal);
  area.finish(
    [tally.table(), "", tally.linkLine(pair.link.read()), ...acknowledgement(tally), ...NEXT_STEPS].join(
      "\n",
    ),
  );
  return tally.wrong === 0 ? 0 : 1;
}

async function sendVisits(stage: Stage, seconds: number): Promise<void> {
  const { clock, signal, tally, area, pair } = stage;
  const rounds = Math.max(1, Math.round(seconds * ROUNDS_PER_SECOND));
  const started = clock.now();
  for (let round = 0; round < rounds; round += 1) {
    for (const [at, visit] of visitsOfRound(SEED, round).entries()) {
      const due = started + ((round + at / VISITS_PER_ROUND) * 1000) / ROUNDS_PER_SECOND;
      await clock.sleep(Math.max(0, due - clock.now()), signal);
      await visitAndCheck(stage, visit);
    }
    area.draw([tally.table(), "", tally.linkLine(pair.link.read())].join("\n"));
  }
}

async function visitAndCheck(
  { site, pair, visitor, tally, costs, clock, signal }: Stage,
  visit: PlannedVisit,
): Promise<void> {
  // As a browser names it, so that its visits find the bases of these.
  const host = `localhost:${parseHostPort(pair.visitors).port}`;
  const page = await visitor.visit({ ...visit, host }, signal);
  const sent = site.bodyOf(String(page.headers["x-request-id"]));
  tally.arrived(page.status === 200 && sent?.equals(page.body) === true);
  const exchange = await clock.within(LOG_LINES_MS, signal, (within) => pair.exchanges.next(within));
  tally.crossed(exchange);
  costs.crossed(exchange);
}

/** Until Ctrl-C: shows what the person's own visits cost. */
async function stay({ pair, tally, costs, area, signal }: Stage, terminal: Terminal): Promise<void> {
  const url = `http://localhost:${parseHostPort(pair.visitors).port}/`;
  const invitation = `Open ${url} and reload a page a few times. Ctrl-C ends.`;
  if (!terminal.isTTY) terminal.write(`${invitation}\n`);
  while (!signal.aborted) {
    area.draw([tally.table(), "", tally.linkLine(pair.link.read()), "", invitation].join("\n"));
    try {
      const exchange = await pair.exchanges.next(signal);
      tally.crossed(exchange);
      costs.crossed(exchange);
      await tally.settled();
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }
}

const acknowledgement = ({ wrong }: DemoTally): string[] =>
  wrong === 0
    ? ["Every page arrived byte for byte. First visits, which travel whole, are included."]
    : [`${wrong} pages did not arrive as they were sent. That must not happen: please report it.`];

const NEXT_STEPS = [
  "",
  "Next:",
  "  npm run demo -- --stay            the same, for your own browser",
  "  npm run bench -- replay <folder>  your own captured pages (bench/README.md)",
  "  README.md                         put it before your own site",
];

function seconds(text: string): number {
  const value = Number(text);
  if (value > 0 && value <= MOST_SECONDS) return value;
  throw new InvalidArgumentError(`must be a number of seconds up to ${MOST_SECONDS}.`);
}
