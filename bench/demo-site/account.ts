/** A logged-in visitor's own page: orders on their way, notices, a form with a fresh token. No two visitors see the same. */
import { tokenOf } from "./article.ts";
import { chanceFor } from "./chance.ts";
import { icon, type PageParts, type Visit } from "./layout.ts";
import { paragraph, person, sentence } from "./prose.ts";
import { ago, article, clockTime, crowns, isoTime, newestArticle, product } from "./world.ts";

const STEPS = ["received", "picked", "packed", "at the carrier", "on board", "delivered"] as const;
const MINUTES_PER_STEP = 35;
const SAVED_STORIES = 18;

export function accountPage(visit: Visit, session: string): PageParts {
  const { seed, moment } = visit;
  const customer = chanceFor(seed, "customer", session);
  const name = person(customer);
  const orders = Array.from({ length: customer.between(20, 34) }, (_, index) => {
    const item = product(seed, customer.between(1, 700), moment);
    const orderedAt = -index * customer.between(300, 900) + customer.between(0, 90);
    const step =
      STEPS[Math.max(0, Math.min(STEPS.length - 1, Math.floor((moment - orderedAt) / MINUTES_PER_STEP)))];
    return { number: `TW-${customer.between(100_000, 999_999)}`, item, orderedAt, step: step ?? STEPS[0] };
  });
  const saved = Array.from({ length: SAVED_STORIES }, () =>
    article(seed, newestArticle(moment) - customer.between(0, 900)),
  );
  const points = customer.between(40, 900) + Math.floor(moment / 10);
  return {
    title: "My account",
    path: "/account",
    description: "Orders, saved stories and settings.",
    structuredData: {
      "@context": "https://schema.org",
      "@type": "ProfilePage",
      dateModified: isoTime(moment),
    },
    main: `<h1>Good day, ${name}</h1><p>${icon("person")}Member since ${2008 + customer.between(0, 14)} · ${points} points · last seen ${clockTime(moment)}</p>
<div class="split"><div><h2 class="heading"><span>Orders</span><small>${orders.length}</small></h2>
<table><thead><tr><th>Order</th><th>Article</th><th>Price</th><th>Ordered</th><th>State</th></tr></thead><tbody>${orders
      .map(
        ({ number, item, orderedAt, step }) =>
          `\n<tr data-order="${number}"><td><a href="/account/orders/${number}" data-track="order:${number}">${number}</a></td><td><a href="${item.path}">${item.name}</a></td><td>${crowns(item.priceCents)}</td><td><time datetime="${isoTime(orderedAt)}">${ago(moment, orderedAt)}</time></td><td><span class="badge${step === "received" ? " badge--late" : ""}">${step}</span></td></tr>`,
      )
      .join("")}</tbody></table>
<h2 class="heading"><span>Saved stories</span></h2><div class="grid">${saved
      .map(
        (one) =>
          `<article class="card" data-article="${one.number}"><div class="card__body"><span class="card__section">${one.section}</span><h3><a href="${one.path}">${one.title}</a></h3><p class="card__meta"><time datetime="${isoTime(one.publishedAt)}">${ago(moment, one.publishedAt)}</time><button class="button button--quiet" data-like="${one.number}">Remove</button></p></div></article>`,
      )
      .join("\n")}</div></div>
<aside class="side"><section class="box"><h2>Notes</h2>${Array.from({ length: 4 }, () => `<p>${sentence(customer)}</p>`).join("")}</section>
<form class="settings box" data-guard="settings" method="post" action="/account"><h2>Settings</h2><input type="hidden" name="csrf" value="${tokenOf(visit.chance)}">
<label>Name<input name="name" value="${name}"></label><label>Letter<select name="letter"><option>Every morning</option><option>Weekly</option><option>Never</option></select></label>
<label>About you<input name="about" value="${paragraph(customer).slice(0, 90)}"></label><button class="button">Save</button></form></aside></div>`,
    state: {
      kind: "account",
      session: tokenOf(visit.chance),
      points,
      orders: orders.map(({ number, step }) => ({ number, step })),
    },
  };
}
