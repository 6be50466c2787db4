/**
 * What every HTML page of the demo site shares, as real pages do: head with structured data, style, icon sprite,
 * navigation, footer and inline scripts. The parts that differ in every response (a nonce on each inline script and
 * style, a request id, the time) are here too: they make a page uncacheable although nearly all of it stays the same.
 */
import type { Chance } from "./chance.ts";
import { ICONS, LOADER, STYLE } from "./look.ts";
import { article, clockTime, isoTime, newestArticle, SECTIONS } from "./world.ts";

/** One response in the making. */
export interface Visit {
  readonly seed: number;
  /** Minutes of the town's time. */
  readonly moment: number;
  /** Fresh for every response: nonces and tokens come from it. */
  readonly chance: Chance;
  readonly requestId: string;
  /** Whose page it is; undefined for a visitor who has not logged in. */
  readonly session: string | undefined;
}

export interface PageParts {
  readonly title: string;
  readonly path: string;
  readonly description: string;
  readonly structuredData: object;
  readonly main: string;
  /** JSON that the page's scripts start from, as single-page frameworks embed it. */
  readonly state: object;
}

export const icon = (name: string): string =>
  `<svg class="icon" aria-hidden="true" width="20" height="20"><use href="#icon-${name}"></use></svg>`;

export function renderPage(visit: Visit, parts: PageParts): string {
  const nonce = visit.chance.hex(32);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${parts.title} – The Tidewater Post</title>
<meta name="description" content="${parts.description}">
<meta name="request-id" content="${visit.requestId}">
<meta name="generated" content="${isoTime(visit.moment)}">
<link rel="canonical" href="https://tidewater.example${parts.path}">
<meta property="og:title" content="${parts.title}">
<meta property="og:type" content="website">
<meta property="og:url" content="https://tidewater.example${parts.path}">
<meta property="og:description" content="${parts.description}">
<link rel="icon" href="data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 8 8'%3E%3Cpath fill='%230b4f6c' d='M0 5q2-3 4 0t4 0v3H0z'/%3E%3C/svg%3E">
<script type="application/ld+json" nonce="${nonce}">${JSON.stringify(parts.structuredData)}</script>
<style nonce="${nonce}">${STYLE}</style>
<script nonce="${nonce}">window.__boot={start:performance.now(),nonce:"${nonce}",request:"${visit.requestId}"};</script>
</head>
<body>
${ICONS}
${navigation(visit)}
<main class="page">
${parts.main}
</main>
${footer(visit)}
<script id="state" type="application/json" nonce="${nonce}">${JSON.stringify(parts.state)}</script>
<script nonce="${nonce}">${LOADER}</script>
</body>
</html>
`;
}

function navigation(visit: Visit): string {
  const latest = article(visit.seed, newestArticle(visit.moment));
  const sections = SECTIONS.map(
    (section) => `
      <li class="nav__item nav__item--${section.toLowerCase()}">
        <a class="nav__link" href="/#${section.toLowerCase()}" data-track="nav:${section.toLowerCase()}">${icon(section.toLowerCase())}<span>${section}</span></a>
      </li>`,
  ).join("");
  return `<header class="masthead" data-component="masthead">
  <div class="masthead__top"><a class="masthead__name" href="/">The Tidewater Post</a>
    <span class="masthead__time">${clockTime(visit.moment)} · water ${tide(visit.moment)} m</span>
    <a class="masthead__account" href="/account">${icon("person")}${visit.session === undefined ? "Log in" : "My account"}</a></div>
  <nav class="nav" aria-label="Sections"><ul class="nav__list">${sections}
      <li class="nav__item"><a class="nav__link" href="/shop" data-track="nav:shop">${icon("cart")}<span>Chandlery</span></a></li>
  </ul></nav>
  <p class="ticker" role="status"><b>Latest</b> <a href="${latest.path}">${latest.title}</a></p>
</header>`;
}

const FOOTER_LINKS = {
  "The paper": [
    "Editors",
    "Corrections",
    "Letters",
    "Archive",
    "Print edition",
    "Advertise",
    "Newsletters",
    "Jobs",
  ],
  Chandlery: [
    "Delivery",
    "Returns",
    "Gift cards",
    "Size guide",
    "Trade customers",
    "Repairs",
    "Opening hours",
  ],
  Harbour: ["Tide tables", "Ferry times", "Berths", "Web cams", "Notices to mariners", "Weather stations"],
  Legal: ["Imprint", "Privacy", "Cookies", "Terms of use", "Accessibility", "Transparency", "Contact"],
} as const;

function footer(visit: Visit): string {
  const columns = Object.entries(FOOTER_LINKS).map(
    ([title, links]) => `
    <section class="footer__column"><h2 class="footer__title">${title}</h2><ul>${links
      .map(
        (link) =>
          `<li><a class="footer__link" href="/#${link.toLowerCase().replaceAll(" ", "-")}" data-track="footer:${link.toLowerCase().replaceAll(" ", "-")}">${link}</a></li>`,
      )
      .join("")}</ul></section>`,
  );
  return `<footer class="footer"><div class="footer__columns">${columns.join("")}
  </div><p class="footer__small">The Tidewater Post does not exist: it is the demonstration site of Coilgun. Page made at
  ${isoTime(visit.moment)}, request ${visit.requestId}.</p></footer>`;
}

const tide = (moment: number): string => (1.9 + 1.6 * Math.sin(moment / 118.5)).toFixed(2);

/** A drawing in place of a photograph: sea, sun and hills from a number. */
export function picture(number: number, title: string): string {
  const hue = (number * 47) % 360;
  const sun = 40 + ((number * 31) % 240);
  const wave = 8 + (number % 9);
  return `<svg class="picture" viewBox="0 0 320 180" role="img" aria-label="${title}" preserveAspectRatio="xMidYMid slice"><rect width="320" height="180" fill="hsl(${hue} 55% 88%)"/><circle cx="${sun}" cy="${50 + (number % 30)}" r="${18 + (number % 11)}" fill="hsl(${(hue + 40) % 360} 80% 70%)"/><path d="M0 ${110 + wave}Q60 ${60 + wave} 130 112T320 ${90 + wave}V180H0z" fill="hsl(${hue} 35% 62%)"/><path d="M0 130q20-${wave} 40 0t40 0 40 0 40 0 40 0 40 0 40 0 40 0V180H0z" fill="hsl(200 60% 42%)"/><path d="M0 150q20-${wave} 40 0t40 0 40 0 40 0 40 0 40 0 40 0 40 0V180H0z" fill="hsl(203 66% 32%)"/></svg>`;
}
