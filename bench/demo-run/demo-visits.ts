/**
 * The visitors of the demo: they come back to a page after a minute or so of the town's time, read different articles,
 * leaf through the shop, look at their own accounts, and their browsers poll the API. The same plan every time.
 */
import { PAGE_KINDS, type PageKind } from "../demo-site/pages.ts";
import { article, newestArticle } from "../demo-site/world.ts";

export interface PlannedVisit {
  readonly kind: PageKind;
  readonly path: string;
  readonly contentType: string;
  readonly cookie: string | undefined;
}

/** Visits of one round: one of each kind. */
export const VISITS_PER_ROUND = PAGE_KINDS.length;

const ARTICLES_READ = 12;
const SHOP_PAGES = 4;
const SESSIONS = ["5eed01a", "5eed02b", "5eed03c"] as const;

/** What is visited in a round; rounds count from 0. */
export function visitsOfRound(seed: number, round: number): readonly PlannedVisit[] {
  const html = { contentType: "text/html", cookie: undefined };
  const session = SESSIONS[round % SESSIONS.length] ?? SESSIONS[0];
  return [
    { ...html, kind: "front page", path: "/" },
    { ...html, kind: "article", path: article(seed, newestArticle(0) - 1 - (round % ARTICLES_READ)).path },
    { ...html, kind: "listing", path: `/shop?page=${1 + (round % SHOP_PAGES)}` },
    { ...html, kind: "account", path: "/account", cookie: `session=${session}` },
    { kind: "API", path: "/api/departures", contentType: "application/json", cookie: undefined },
  ];
}
