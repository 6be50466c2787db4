/** What `try` and `record` ask of a site, as it is written on a command line. */
import { MessageChannel } from "node:worker_threads";
import { type Command, InvalidArgumentError, Option } from "commander";
import { parseTime, UnitError } from "../../protocol/config/units.ts";
import { isOpenToOthers } from "../../protocol/daemon/private-file.ts";
import { type Clock, systemClock } from "../../protocol/runtime/clock.ts";
import { Complaint } from "../../protocol/runtime/user-error.ts";
import { progressBar, type Terminal } from "../report/table.ts";
import { wholeNumberFrom } from "../rig/whole-number.ts";
import { openJar } from "./cookie-file.ts";
import type { RoundsOptions, Wanted } from "./fetch-rounds.ts";
import { printedUrl } from "./printed-url.ts";
import { type SiteClient, siteClient, siteUrl } from "./site-client.ts";

export interface SiteFlags {
  readonly sitemap?: number | true;
  readonly crawl?: number;
  readonly visits: number;
  readonly every: number;
  readonly cookieJar?: string;
}

const MOST_PAGES = 500;
const MOST_VISITS = 1_000;
const SITEMAP_PAGES = 20;

/** A reader of arguments whose complaints become usage errors. */
const read =
  <T>(parse: (text: string) => T) =>
  (text: string): T => {
    try {
      return parse(text);
    } catch (error) {
      if (error instanceof UnitError || error instanceof Complaint)
        throw new InvalidArgumentError(`${error.message}.`);
      throw error;
    }
  };

const eachUrl = (text: string, before: readonly URL[] = []): readonly URL[] => [
  ...before,
  read(siteUrl)(text),
];

export const withSiteFlags = (command: Command): Command =>
  command
    .argument("<url...>", "pages of your site, http or https", eachUrl)
    .addOption(
      new Option("--sitemap [pages]", `pages that the site's sitemap lists, ${SITEMAP_PAGES} if not said`)
        .argParser(wholeNumberFrom(1, MOST_PAGES))
        .conflicts("crawl"),
    )
    .option("--crawl <pages>", "pages that these link to, on the same host", wholeNumberFrom(1, MOST_PAGES))
    .option("--visits <number>", "of each page", wholeNumberFrom(1, MOST_VISITS), 8)
    .addOption(
      new Option("--every <time>", "from one visit of a page to the next")
        .argParser(read(parseTime))
        .default(10_000, "10s"),
    )
    .option("--cookie-jar <file>", "cookies to begin with, in curl's format");

export interface SiteRun extends AsyncDisposable {
  readonly site: SiteClient;
  readonly wanted: Wanted;
  readonly options: RoundsOptions;
  /** What was said on the way. */
  readonly notes: ReadonlySet<string>;
}

/** The site of these flags, ready to be asked; says on `terminal` what there is to say, and how far it is. */
export async function openSite(
  urls: readonly URL[],
  flags: SiteFlags,
  { coded, terminal, signal }: { coded: boolean; terminal: Terminal; signal: AbortSignal },
): Promise<SiteRun> {
  const clock: Clock = systemClock;
  const { cookieJar, sitemap, crawl, visits, every } = flags;
  const jar = await openJar(cookieJar);
  const notes = new Set<string>();
  const running = new AsyncDisposableStack();
  // A timer of the clock does not keep the process, and between two requests nothing else may be open.
  const { port1: keepsProcess } = new MessageChannel();
  keepsProcess.on("message", () => undefined);
  running.defer(async () => keepsProcess.close());
  // Elsewhere than on a terminal each page would be a line.
  const progress = terminal.isTTY ? progressBar(terminal, 100) : undefined;
  const say = (sentence: string) => {
    progress?.end();
    terminal.write(`${sentence}\n`);
  };
  running.defer(async () => progress?.end());
  if (cookieJar !== undefined && isOpenToOthers(cookieJar))
    say(`${cookieJar} may be read by others; it holds sessions: chmod 600 ${cookieJar}`);
  const site = siteClient({ jar, clock, coded });
  running.defer(async () => site.close());
  const find =
    sitemap !== undefined
      ? ({ by: "sitemap", most: sitemap === true ? SITEMAP_PAGES : sitemap } as const)
      : crawl !== undefined
        ? ({ by: "crawl", most: crawl } as const)
        : undefined;
  return {
    site,
    wanted: { urls, find, visits, everyMs: every },
    notes,
    options: {
      clock,
      signal,
      note(sentence) {
        if (notes.has(sentence)) return;
        notes.add(sentence);
        say(sentence);
      },
      onVisit({ round, page, pages, url }) {
        const done = (round - 1 + page / pages) / visits;
        progress?.at(100 * done, `visit ${round} of ${visits}  ${printedUrl(url)}`);
      },
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}
