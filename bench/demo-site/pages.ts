/**
 * The demo site's page kinds and how a request finds one. `renderTarget` is a pure function of the visit, so the
 * server, the corpus maker and the tests all get the same bytes.
 */
import { accountPage } from "./account.ts";
import { departures } from "./api.ts";
import { articlePage } from "./article.ts";
import { frontPage } from "./front.ts";
import { renderPage, type Visit } from "./layout.ts";
import { LISTING_PAGES, listingPage } from "./listing.ts";
import { newestArticle } from "./world.ts";

export const PAGE_KINDS = ["front page", "article", "listing", "account", "API"] as const;
export type PageKind = (typeof PAGE_KINDS)[number];

export interface RenderedPage {
  readonly kind: PageKind;
  readonly contentType: string;
  readonly body: Buffer;
}

const HTML = "text/html; charset=utf-8";
const JSON_TYPE = "application/json; charset=utf-8";

/** The page at a request target, or undefined where the site has none. */
export function renderTarget(visit: Visit, target: string): RenderedPage | undefined {
  const url = URL.parse(target, "http://site.invalid");
  if (url === null) return undefined;
  const kind = kindOf(target);
  switch (kind) {
    case "front page":
      return html(kind, renderPage(visit, frontPage(visit)));
    case "article": {
      const number = Number(url.pathname.split("/")[2]);
      if (!(number > 0 && number <= newestArticle(visit.moment))) return undefined;
      return html(kind, renderPage(visit, articlePage(visit, number)));
    }
    case "listing": {
      const page = Number(url.searchParams.get("page") ?? 1);
      if (!(Number.isInteger(page) && page >= 1 && page <= LISTING_PAGES)) return undefined;
      return html(kind, renderPage(visit, listingPage(visit, page)));
    }
    case "account":
      return html(kind, renderPage(visit, accountPage(visit, visit.session ?? "new")));
    case "API":
      return { kind, contentType: JSON_TYPE, body: Buffer.from(JSON.stringify(departures(visit))) };
    case undefined:
      return undefined;
  }
}

/** Which kind of page a request target names; undefined for targets that are none (a favicon, a post's action). */
export function kindOf(target: string): PageKind | undefined {
  const path = target.split("?")[0] ?? target;
  if (path === "/") return "front page";
  if (path.startsWith("/news/")) return "article";
  if (path.startsWith("/shop")) return "listing";
  if (path.startsWith("/account")) return "account";
  if (path === "/api/departures") return "API";
  return undefined;
}

const html = (kind: PageKind, text: string): RenderedPage => ({
  kind,
  contentType: HTML,
  body: Buffer.from(text),
});
