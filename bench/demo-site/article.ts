/** An article: a long text that stays, comments that keep coming, and counters; the related stories move on. */
import { ABOUT } from "./about.ts";
import { type Chance, chanceFor } from "./chance.ts";
import { icon, type PageParts, picture, type Visit } from "./layout.ts";
import {
  type Article,
  ago,
  article,
  type Comment,
  commentsOf,
  isoTime,
  newestArticle,
  storyOf,
  viewsOf,
} from "./world.ts";

const RELATED = 12;

export function articlePage(visit: Visit, number: number): PageParts {
  const { seed, moment } = visit;
  const one = article(seed, number);
  const comments = commentsOf(seed, one, moment);
  const newest = newestArticle(moment);
  const related = Array.from({ length: RELATED }, (_, back) => article(seed, newest - back));
  return {
    title: one.title,
    path: one.path,
    description: one.teaser,
    structuredData: {
      "@context": "https://schema.org",
      "@type": "NewsArticle",
      headline: one.title,
      datePublished: isoTime(one.publishedAt),
      dateModified: isoTime(moment),
      author: { "@type": "Person", name: one.author },
      articleSection: one.section,
      commentCount: comments.length,
      interactionStatistic: {
        "@type": "InteractionCounter",
        userInteractionCount: viewsOf(seed, one, moment),
      },
    },
    main: `<div class="split"><div>
${story(visit, one)}
${discussion(visit, comments)}
</div><aside class="side">${ABOUT}<section class="box" data-component="related"><h2>More stories</h2><ol>${related
      .map(
        (other) =>
          `<li><a href="${other.path}" data-track="related:${other.number}">${other.title}</a> <small>${ago(moment, other.publishedAt)}</small></li>`,
      )
      .join("")}</ol></section></aside></div>`,
    state: {
      kind: "article",
      id: one.number,
      comments: comments.map(({ id, likes, postedAt }) => ({ id, likes, postedAt: isoTime(postedAt) })),
    },
  };
}

function story({ seed, moment }: Visit, one: Article): string {
  const [first = "", ...paragraphs] = storyOf(seed, one.number);
  return `<article class="story" data-article="${one.number}">
<span class="card__section">${one.section}</span>
<h1>${one.title}</h1>
<p class="byline">By ${one.author} · <time datetime="${isoTime(one.publishedAt)}">${ago(moment, one.publishedAt)}</time> · ${viewsOf(seed, one, moment)} readers</p>
${picture(one.number, one.title)}
<p class="story__lead">${first}</p>
${paragraphs.map((text) => `<p>${text}</p>`).join("\n")}
</article>`;
}

function discussion(visit: Visit, comments: readonly Comment[]): string {
  return `<section id="comments" data-component="comments"><h2 class="heading"><span>Comments</span><small>${comments.length} so far</small></h2>
${comments.map((comment) => oneComment(visit, comment)).join("\n")}
<form class="settings box" data-guard="comment" method="post" action="/comment"><input type="hidden" name="csrf" value="${tokenOf(visit.chance)}">
<label>Your comment<input name="text" maxlength="600" placeholder="Be kind; the harbour is small."></label><button class="button">Send</button></form></section>`;
}

function oneComment({ moment }: Visit, { id, author, text, postedAt, likes }: Comment): string {
  const hue = chanceFor("face", author).between(0, 359);
  return `<div class="comment" id="comment-${id}"><span class="comment__face" style="background:hsl(${hue} 45% 45%)">${author.charAt(0)}</span><div>
<b>${author}</b> <small><time datetime="${isoTime(postedAt)}">${ago(moment, postedAt)}</time></small>
<p class="comment__text">${text}</p><p class="comment__tools"><button data-like="${id}" data-track="like:${id}">${icon("heart")}${likes}</button><button data-reply="${id}" data-track="reply:${id}">${icon("reply")}Reply</button></p></div></div>`;
}

/** A form token as frameworks make them: new in every response. */
export const tokenOf = (chance: Chance): string => Buffer.from(chance.hex(64), "hex").toString("base64url");
