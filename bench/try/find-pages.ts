/**
 * Which pages of a site a crawl or a sitemap names, as its robots.txt allows (RFC 9309): a file that is not there allows all, one
 * that cannot be had because the server fails allows nothing.
 */
import { createRequire } from "node:module";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import type robots from "robots-parser";
import { Complaint } from "../../protocol/runtime/user-error.ts";
import { printedUrl } from "./printed-url.ts";
import { isSameSite, type SiteAnswer, type SiteClient, USER_AGENT_NAME } from "./site-client.ts";

/** Its types describe an ES module, and it is none. */
const parseRobots: typeof robots.default = createRequire(import.meta.url)("robots-parser");

/** RFC 9309 section 2.5: what is longer need not be read. */
const MOST_ROBOTS_BYTES = 500 * 1024;
/** A sitemap that lists sitemaps; one that lists very many is looked into only so far. */
const MOST_SITEMAPS = 5;
const MOST_SITEMAP_BYTES = 64 * 2 ** 20;

export interface Robots {
  allows(url: URL): boolean;
  /** What the site asks to be left between two requests. */
  readonly delayMs: number;
  readonly sitemaps: readonly string[];
}

/** The robots.txt of each host that is asked, once. */
export type RobotsOf = (url: URL) => Promise<Robots>;

export function robotsOf(site: SiteClient, signal?: AbortSignal): RobotsOf {
  const known = new Map<string, Promise<Robots>>();
  return (url) => {
    const asked = known.get(url.origin) ?? askRobots(site, url, signal);
    known.set(url.origin, asked);
    return asked;
  };
}

async function askRobots(site: SiteClient, url: URL, signal?: AbortSignal): Promise<Robots> {
  const at = new URL("/robots.txt", url);
  const answer = await site.follow(at, () => undefined, signal);
  if (answer.status >= 500)
    throw new Complaint(
      `${printedUrl(at)}: status ${answer.status}, so nothing may be crawled; name the pages instead`,
    );
  const text = answer.status === 200 ? answer.body.subarray(0, MOST_ROBOTS_BYTES).toString("utf8") : "";
  const parsed = parseRobots(at.href, text);
  return {
    allows: (wanted) => parsed.isAllowed(wanted.href, USER_AGENT_NAME) !== false,
    delayMs: 1000 * (parsed.getCrawlDelay(USER_AGENT_NAME) ?? 0),
    sitemaps: parsed.getSitemaps(),
  };
}

/** Up to `most` pages of the site's sitemap, from all parts of it. Throws Complaint where it has none. */
export async function pagesOfSitemap(
  site: SiteClient,
  url: URL,
  {
    robots,
    most,
    pause,
    signal,
  }: { robots: RobotsOf; most: number; pause: () => Promise<void>; signal?: AbortSignal | undefined },
): Promise<URL[]> {
  const { sitemaps } = await robots(url);
  const named = sitemaps.length > 0 ? sitemaps : [new URL("/sitemap.xml", url).href];
  const waiting = named.flatMap((text) => urlsOf([text], url)).filter((one) => isSameSite(one, url));
  const pages = new Map<string, URL>();
  for (let read = 0; read < MOST_SITEMAPS && waiting.length > 0; read++) {
    const next = waiting.shift();
    if (next === undefined) break;
    await pause();
    const answer = await site.follow(next, () => undefined, signal);
    const xml = answer.status === 200 ? await textOf(answer) : "";
    const listed = urlsOf(
      [...xml.matchAll(/<loc>\s*(?:<!\[CDATA\[)?([^<\]]+)/g)].map(([, text = ""]) => text.trim()),
      url,
    );
    const ours = listed.filter((one) => isSameSite(one, url));
    if (/<sitemapindex\b/.test(xml)) waiting.push(...ours);
    else for (const page of ours) if ((await robots(page)).allows(page)) pages.set(page.href, page);
  }
  const found = [...pages.values()];
  if (found.length === 0)
    throw new Complaint(
      `no sitemap of ${url.origin} lists a page that may be asked for; name pages, or use --crawl`,
    );
  const step = Math.max(1, found.length / most);
  return Array.from({ length: Math.min(most, found.length) }, (_, at) => found[Math.floor(at * step)] ?? url);
}

const unzipped = promisify<Buffer, { maxOutputLength: number }, Buffer>(gunzip);

const textOf = async ({ body }: SiteAnswer): Promise<string> => {
  const zipped = body[0] === 0x1f && body[1] === 0x8b;
  return (zipped ? await unzipped(body, { maxOutputLength: MOST_SITEMAP_BYTES }) : body).toString("utf8");
};

/** What changes something, or ends a session, though it is asked for by a link. */
const BETTER_NOT = /(?:log|sign)[-_]?(?:out|off)|delete|remove|unsubscribe|add[-_]?to[-_]?cart/i;

/** Whether a page asks that its links be left alone. */
export const isNoFollow = ({ body }: SiteAnswer): boolean =>
  /<meta\b[^>]*\bname=["']?robots\b[^>]*nofollow/i.test(body.toString("utf8"));

/** Pages that an answer links to, on its own host; those that robots, or the link itself, rule out are left out. */
export function linksIn({ head, body, url }: SiteAnswer, robots: Robots): URL[] {
  const type = head.find(([name]) => name.toLowerCase() === "content-type")?.[1] ?? "";
  if (!/^(?:text\/html|application\/xhtml\+xml)\b/i.test(type)) return [];
  const html = body.toString("utf8");
  const links = [...html.matchAll(/<a\b([^>]*)>/gi)].map(([, inside = ""]) => inside);
  const targets = links
    .filter((inside) => !/\brel=["'][^"']*nofollow/i.test(inside))
    .flatMap(
      (inside) =>
        /\bhref=(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))/i
          .exec(inside)
          ?.slice(1)
          .find((one) => one !== undefined) ?? [],
    );
  return urlsOf(targets, url).filter(
    (to) => to.origin === url.origin && robots.allows(to) && !BETTER_NOT.test(to.pathname + to.search),
  );
}

const urlsOf = (texts: readonly string[], base: URL): URL[] =>
  texts
    .map((text) => text.replaceAll("&amp;", "&"))
    .filter((text) => URL.canParse(text, base.href))
    .map((text) => {
      const url = new URL(text, base);
      url.hash = url.username = url.password = "";
      return url;
    })
    .filter(({ protocol }) => /^https?:$/.test(protocol));
