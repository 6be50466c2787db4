/**
 * Asks a site's pages in rounds, each page once a round, one request at a time, and hands out each answer as it comes. Which
 * pages these are is known after the first round: what was named, what a sitemap lists, or what links lead to.
 */
import type { Clock } from "../../protocol/runtime/clock.ts";
import { Complaint } from "../../protocol/runtime/user-error.ts";
import { isNoFollow, linksIn, pagesOfSitemap, type RobotsOf, robotsOf } from "./find-pages.ts";
import { printedUrl } from "./printed-url.ts";
import type { SiteAnswer, SiteClient } from "./site-client.ts";

export interface Wanted {
  /** At least one. */
  readonly urls: readonly URL[];
  /** Where more pages come from, and how many there are to be. */
  readonly find: { readonly by: "sitemap" | "crawl"; readonly most: number } | undefined;
  readonly visits: number;
  /** From the beginning of a round to that of the next. */
  readonly everyMs: number;
}

export interface SiteVisit {
  /** Which of the pages, from 0, and which visit to it, from 1. */
  readonly page: number;
  readonly visit: number;
  readonly answer: SiteAnswer;
}

export interface RoundsOptions {
  readonly clock: Clock;
  readonly signal?: AbortSignal | undefined;
  /** A sentence for the person who waits, and for the report. */
  readonly note: (sentence: string) => void;
  readonly onVisit: (visit: {
    readonly round: number;
    readonly page: number;
    readonly pages: number;
    readonly url: URL;
  }) => void;
}

const TOO_MANY_REQUESTS = 429;

/** Throws Complaint where no page could be had at all; a page that fails is noted and asked no more. */
export async function* fetchRounds(
  site: SiteClient,
  wanted: Wanted,
  options: RoundsOptions,
): AsyncGenerator<SiteVisit> {
  const { clock, signal, onVisit } = options;
  const { find, visits, everyMs } = wanted;
  const crawl = new Crawl(site, wanted, options);
  const pages = await crawl.begin();
  const failed = new Set<number>();
  for (let round = 1; round <= visits; round++) {
    const begun = clock.now();
    // A crawl's first round has more pages at its end than at its beginning.
    for (let page = 0; page < pages.length; page++) {
      const url = pages[page];
      if (url === undefined || failed.has(page)) continue;
      onVisit({ round, pages: round === 1 && find?.by === "crawl" ? find.most : pages.length, page, url });
      const answer = await crawl.tryPage(url, round);
      if (answer === undefined) failed.add(page);
      else if (answer === "leave") return;
      else {
        pages[page] = answer.url;
        if (round === 1) await crawl.addLinks(answer, pages);
        yield { page, visit: round, answer };
      }
    }
    if (failed.size === pages.length) throw new Complaint("no page could be had; the lines above say why");
    if (round < visits) await clock.sleep(Math.max(0, begun + everyMs - clock.now()), signal);
  }
}

class Crawl {
  readonly #site: SiteClient;
  readonly #wanted: Wanted;
  readonly #options: RoundsOptions;
  /** Undefined where the pages were named by a person: robots.txt is for those who are not. */
  readonly #robots: RobotsOf | undefined;
  readonly #seen = new Set<string>();
  #delayMs = 0;

  constructor(site: SiteClient, wanted: Wanted, options: RoundsOptions) {
    this.#site = site;
    this.#wanted = wanted;
    this.#options = options;
    this.#robots = wanted.find === undefined ? undefined : robotsOf(site, options.signal);
  }

  async begin(): Promise<URL[]> {
    const { urls, find } = this.#wanted;
    for (const url of urls) await this.#mayAsk(url);
    const [first] = urls;
    const robots = this.#robots;
    if (first === undefined) throw new Complaint("no address to ask");
    for (const { href } of urls) this.#seen.add(href);
    if (find?.by !== "sitemap" || robots === undefined) return [...urls];
    const { signal } = this.#options;
    return pagesOfSitemap(this.#site, first, { robots, most: find.most, pause: () => this.#pause(), signal });
  }

  /** Undefined: it cannot be had. "leave": the site wants to be left alone. */
  async tryPage(url: URL, round: number): Promise<SiteAnswer | "leave" | undefined> {
    const { signal, note } = this.#options;
    try {
      await this.#pause();
      // Where a page has led elsewhere once, that is the page; what leads elsewhere later is an answer like others.
      const answer =
        round > 1
          ? await this.#site.ask(url, signal)
          : await this.#site.follow(url, (from, to) => this.#led(from, to), signal);
      if (answer.status !== TOO_MANY_REQUESTS) return answer;
      note(
        `${printedUrl(url)}: status 429, so the site was left alone from there on; --every 60s asks less.`,
      );
      return "leave";
    } catch (error) {
      if (!(error instanceof Complaint)) throw error;
      note(`${error.message}; it was left out from visit ${round} on.`);
      return undefined;
    }
  }

  async addLinks(answer: SiteAnswer, pages: URL[]): Promise<void> {
    const { find } = this.#wanted;
    if (this.#robots === undefined || find?.by !== "crawl") return;
    this.#seen.add(answer.url.href);
    if (isNoFollow(answer)) {
      this.#options.note(
        `${printedUrl(answer.url)} says nofollow to robots, so its links were not followed; name the pages instead.`,
      );
      return;
    }
    for (const to of linksIn(answer, await this.#robots(answer.url))) {
      if (pages.length >= find.most || this.#seen.has(to.href)) continue;
      this.#seen.add(to.href);
      pages.push(to);
    }
  }

  async #led(from: URL, to: URL): Promise<void> {
    await this.#mayAsk(to);
    this.#options.note(`${printedUrl(from)} leads to ${printedUrl(to)}.`);
    await this.#pause();
  }

  async #mayAsk(url: URL): Promise<void> {
    const robots = await this.#robots?.(url);
    if (robots === undefined) return;
    if (!robots.allows(url))
      throw new Complaint(
        `robots.txt of ${url.origin} rules out ${printedUrl(url)}; what you name without --crawl or --sitemap is asked all the same`,
      );
    if (robots.delayMs <= this.#delayMs) return;
    this.#delayMs = robots.delayMs;
    this.#options.note(`robots.txt asks for ${robots.delayMs / 1000} s between two requests, and gets them.`);
  }

  #pause(): Promise<void> {
    return this.#delayMs === 0
      ? Promise.resolve()
      : this.#options.clock.sleep(this.#delayMs, this.#options.signal);
  }
}
