/**
 * `coilgun-bench try <url...>`: what Coilgun would save on a site, before anything is installed there. Its own answers, through a real pair
 * on this machine; every byte is compared.
 */
import { Command, Option } from "commander";
import { systemClock } from "../../protocol/runtime/clock.ts";
import { parseRate, parseRtt } from "../pair/link-flags.ts";
import { interruptible } from "../rig/interrupt.ts";
import { wholeNumberFrom } from "../rig/whole-number.ts";
import { htmlReport } from "./html-report.ts";
import { measureSite } from "./measure.ts";
import { throwUnlessWritable, writeReport } from "./report-file.ts";
import { openSite, type SiteFlags, withSiteFlags } from "./site-flags.ts";
import { tryText } from "./try-text.ts";

interface TryFlags extends SiteFlags {
  readonly rtt: number;
  readonly rate: number | null;
  readonly visitsPerDay: number;
  readonly html?: string;
  readonly json?: string;
}

const MOST_VISITS_PER_DAY = 1e12;
/** What a sender's socket takes before it pushes back. */
const BUFFER_BYTES = 4 * 2 ** 20;

export const tryCommand = (): Command =>
  withSiteFlags(new Command("try"))
    .description("fetch pages of your site, carry them through a pair on this machine, and say what it saves")
    .addOption(
      new Option("--rtt <time>", "round trip of the line between the two sides")
        .argParser(parseRtt)
        .default(80, "80ms"),
    )
    .addOption(
      new Option("--rate <rate>", "of that line, each way; or unlimited")
        .argParser(parseRate)
        .default(2_500_000, "20mbit"),
    )
    .option(
      "--visits-per-day <number>",
      "for gigabytes a month",
      wholeNumberFrom(1, MOST_VISITS_PER_DAY),
      10_000,
    )
    .option("--html <file>", "write a report with charts that can be shown around")
    .option("--json <file>", "write the figures as JSON, with stable names")
    .action((urls: readonly URL[], flags: TryFlags) =>
      interruptible(async (signal) => {
        const { rtt: rttMs, rate: bytesPerSecond, visitsPerDay, html, json } = flags;
        for (const file of [html, json]) if (file !== undefined) throwUnlessWritable(file);
        await using run = await openSite(urls, flags, { coded: true, terminal: process.stderr, signal });
        const report = await measureSite(run.site, run.wanted, {
          ...run.options,
          notes: run.notes,
          line: { rttMs, bytesPerSecond, bufferBytes: BUFFER_BYTES },
          visitsPerDay,
          // The clock is monotonic; a report has a date.
          at: new Date(performance.timeOrigin + systemClock.now()),
        });
        process.stdout.write(`${tryText(report)}\n`);
        if (html !== undefined) writeReport(html, htmlReport(report));
        if (json !== undefined) writeReport(json, `${JSON.stringify(report, undefined, 2)}\n`);
        return report.faults === 0 ? 0 : 1;
      }),
    );
