/** The front page: teasers that move down as new ones arrive, counters of views and comments, a list of what is read. */
import { ABOUT } from "./about.ts";
import { icon, type PageParts, picture, type Visit } from "./layout.ts";
import {
  type Article,
  ago,
  article,
  commentTimesOf,
  isoTime,
  newestArticle,
  SECTIONS,
  viewsOf,
} from "./world.ts";

const TEASERS = 44;
const MOST_READ = 10;

export function frontPage(visit: Visit): PageParts {
  const { seed, moment } = visit;
  const newest = newestArticle(moment);
  const articles = Array.from({ length: TEASERS }, (_, back) => article(seed, newest - back));
  const [lead, ...others] = articles;
  const mostRead = [...articles].sort((a, b) => viewsOf(seed, b, moment) - viewsOf(seed, a, moment));
  const bySection = SECTIONS.map((section) => {
    const cards = others.filter((one) => one.section === section).map((one) => teaser(visit, one));
    return `<h2 class="heading" id="${section.toLowerCase()}"><span>${icon(section.toLowerCase())}${section}</span><small>${cards.length} stories</small></h2>
<div class="grid" data-component="section">${cards.join("")}</div>`;
  });
  return {
    title: "News from the harbour",
    path: "/",
    description: lead?.teaser ?? "",
    structuredData: {
      "@context": "https://schema.org",
      "@type": "ItemList",
      itemListElement: articles.slice(0, 20).map((one, index) => ({
        "@type": "ListItem",
        position: index + 1,
        url: `https://tidewater.example${one.path}`,
        name: one.title,
        datePublished: isoTime(one.publishedAt),
      })),
    },
    main: `<div class="split"><div>
<div class="grid">${lead === undefined ? "" : teaser(visit, lead, true)}</div>
${bySection.join("\n")}
</div><aside class="side">${ABOUT}<section class="box" data-component="most-read"><h2>Most read</h2><ol>${mostRead
      .slice(0, MOST_READ)
      .map(
        (one) =>
          `<li><a href="${one.path}" data-track="most-read:${one.number}">${one.title}</a> <small>${viewsOf(seed, one, moment)} readers</small></li>`,
      )
      .join("")}</ol></section></aside></div>`,
    state: {
      kind: "front",
      edition: isoTime(moment),
      articles: articles.map((one) => ({
        id: one.number,
        views: viewsOf(seed, one, moment),
        comments: commentTimesOf(seed, one, moment).length,
        section: one.section,
        author: one.author,
      })),
    },
  };
}

function teaser({ seed, moment }: Visit, one: Article, isLead = false): string {
  const comments = commentTimesOf(seed, one, moment).length;
  return `
<article class="card${isLead ? " card--lead" : ""}" data-component="teaser" data-article="${one.number}">
  ${picture(one.number, one.section)}
  <div class="card__body">
    <span class="card__section">${one.section}</span>
    <h${isLead ? 2 : 3}><a href="${one.path}" data-track="teaser:${one.number}">${one.title}</a></h${isLead ? 2 : 3}>
    <p class="card__teaser">${one.teaser}</p>
    <p class="card__meta"><span>${one.author}</span><time datetime="${isoTime(one.publishedAt)}">${ago(moment, one.publishedAt)}</time><span>${viewsOf(seed, one, moment)} readers</span><a href="${one.path}#comments">${comments} ${comments === 1 ? "comment" : "comments"}</a></p>
  </div>
</article>`;
}
