/** The product listing: many alike cards whose prices, stock, ratings and order change all the time. */
import { type PageParts, picture, type Visit } from "./layout.ts";
import { crowns, type Product, product } from "./world.ts";

const PRODUCTS_PER_PAGE = 60;
const LOW_STOCK = 10;
const FILTERS = [
  "Brass",
  "Rope and line",
  "On deck",
  "Below deck",
  "Navigation",
  "Clothing",
  "Galley",
  "Repair",
] as const;

export const LISTING_PAGES = 12;

/** `page` counts from 1. */
export function listingPage(visit: Visit, page: number): PageParts {
  const first = (page - 1) * PRODUCTS_PER_PAGE + 1;
  const products = Array.from({ length: PRODUCTS_PER_PAGE }, (_, index) =>
    product(visit.seed, first + index, visit.moment),
  );
  // What is nearly sold out goes last, as shops do; so cards change places as stock changes.
  const inOrder = [...products].sort((a, b) => Number(a.stock < LOW_STOCK) - Number(b.stock < LOW_STOCK));
  const reduced = products.filter((one) => one.wasCents !== undefined).length;
  return {
    title: `Chandlery, page ${page}`,
    path: `/shop?page=${page}`,
    description: `${reduced} of ${products.length} articles on this page are reduced today.`,
    structuredData: {
      "@context": "https://schema.org",
      "@type": "ItemList",
      itemListElement: inOrder.map((one, index) => ({
        "@type": "Product",
        position: index + 1,
        sku: one.sku,
        name: one.name,
        offers: {
          "@type": "Offer",
          priceCurrency: "DKK",
          price: (one.priceCents / 100).toFixed(2),
          availability: one.stock > 0 ? "https://schema.org/InStock" : "https://schema.org/OutOfStock",
        },
        aggregateRating: { "@type": "AggregateRating", ratingValue: one.rating, reviewCount: one.reviews },
      })),
    },
    main: `<h1>Chandlery</h1><div class="split"><div><p>${products.length} articles, ${reduced} reduced. ${visit.chance.between(20, 900)} people are looking around.</p>
<div class="grid" data-component="listing">${inOrder.map((one, index) => card(one, first + index)).join("")}</div>
<p>${Array.from({ length: LISTING_PAGES }, (_, at) => `<a class="button button--quiet" href="/shop?page=${at + 1}">${at + 1}</a>`).join(" ")}</p>
</div><aside class="side"><form class="box filters" data-guard="filters"><h2>Filter</h2>${FILTERS.map(
      (filter) =>
        `<label><input type="checkbox" name="filter" value="${filter}">${filter}<output>${visit.chance.between(4, 60)}</output></label>`,
    ).join("")}</form></aside></div>`,
    state: { kind: "listing", page, stock: Object.fromEntries(inOrder.map((one) => [one.sku, one.stock])) },
  };
}

function card(one: Product, position: number): string {
  const low = one.stock < LOW_STOCK;
  return `
<article class="card" data-component="product" data-sku="${one.sku}">
  ${picture(one.sku.length * 13 + one.blurb.length + one.name.length * 7, one.name)}
  <div class="card__body">
    <h3><a href="${one.path}" data-track="product:${one.sku}">${one.name}</a></h3>
    <p class="stars" aria-label="${one.rating} of 5">★ ${one.rating} <small>(${one.reviews} reviews)</small></p>
    <p class="card__teaser">${one.blurb}</p>
    <p class="price">${crowns(one.priceCents)}${one.wasCents === undefined ? "" : `<del>${crowns(one.wasCents)}</del>`}</p>
    <p class="stock${low ? " stock--low" : ""}">${one.stock === 0 ? "Sold out, more tomorrow" : low ? `Only ${one.stock} left` : `${one.stock} in stock`}</p>
    <button class="button" data-cart="${one.sku}" data-track="cart:${one.sku}:${position}"${one.stock === 0 ? " disabled" : ""}>Add to basket</button>
  </div>
</article>`;
}
