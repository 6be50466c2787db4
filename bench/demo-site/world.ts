/**
 * What the demo site is about: a harbour town's newspaper and its chandlery. Pure functions of a seed and a moment, so
 * a page can be made for any moment in any order. A moment is in minutes of the town's time; at moment 0 the paper has
 * years of articles, and as moments pass, articles appear, comments arrive, prices and stock change.
 */
import { chanceFor } from "./chance.ts";
import { headline, paragraph, person, remark, sentence, slugOf } from "./prose.ts";

export const SECTIONS = ["Harbour", "Town", "Weather", "Business", "Culture", "Sport"] as const;

export interface Article {
  readonly number: number;
  readonly title: string;
  readonly path: string;
  readonly section: (typeof SECTIONS)[number];
  readonly author: string;
  readonly teaser: string;
  readonly publishedAt: number;
}

export interface Comment {
  readonly id: string;
  readonly author: string;
  readonly text: string;
  readonly postedAt: number;
  readonly likes: number;
}

export interface Product {
  readonly sku: string;
  readonly name: string;
  readonly path: string;
  readonly blurb: string;
  readonly priceCents: number;
  readonly wasCents: number | undefined;
  readonly stock: number;
  readonly rating: string;
  readonly reviews: number;
}

/** Articles that exist before moment 0; a new one appears every 9 minutes. */
const ARTICLES_BEFORE = 5000;
const MINUTES_PER_ARTICLE = 9;

export const newestArticle = (moment: number): number =>
  ARTICLES_BEFORE + Math.floor(moment / MINUTES_PER_ARTICLE);

export function article(seed: number, number: number): Article {
  const chance = chanceFor(seed, "article", number);
  const title = headline(chance);
  return {
    number,
    title,
    path: `/news/${number}/${slugOf(title)}`,
    section: chance.pick(SECTIONS),
    author: person(chance),
    teaser: sentence(chance),
    publishedAt: (number - ARTICLES_BEFORE) * MINUTES_PER_ARTICLE,
  };
}

export function storyOf(seed: number, number: number): readonly string[] {
  const chance = chanceFor(seed, "story", number);
  return Array.from({ length: chance.between(14, 24) }, () => paragraph(chance));
}

export const viewsOf = (seed: number, { number, publishedAt }: Article, moment: number): number =>
  Math.floor((moment - publishedAt) * chanceFor(seed, "views", number).between(2, 40));

/** When an article's comments came, in order; they keep coming for hours, ever more slowly. */
export function commentTimesOf(
  seed: number,
  { number, publishedAt }: Article,
  moment: number,
): readonly number[] {
  const chance = chanceFor(seed, "comments", number);
  const times: number[] = [];
  let postedAt = publishedAt;
  for (let count = chance.between(20, 60); count > 0; count -= 1) {
    postedAt += chance.between(1, 4 + times.length);
    if (postedAt > moment) break;
    times.push(postedAt);
  }
  return times;
}

export const commentsOf = (seed: number, one: Article, moment: number): readonly Comment[] =>
  commentTimesOf(seed, one, moment).map((postedAt, at) => {
    const chance = chanceFor(seed, "comment", one.number, at);
    return {
      id: chance.hex(12),
      author: person(chance),
      text: remark(chance),
      postedAt,
      likes: Math.min(chance.between(0, 30), Math.floor((moment - postedAt) / 6)),
    };
  });

const GOODS = [
  "Lantern",
  "Rope",
  "Oilskin",
  "Compass",
  "Shackle",
  "Net",
  "Oar",
  "Kettle",
  "Barometer",
  "Pulley",
] as const;
const MAKES = [
  "Brass",
  "Tarred",
  "Heavy",
  "Galvanised",
  "Folding",
  "Harbour",
  "Pilot's",
  "Trawler",
  "Sisal",
] as const;
const MINUTES_PER_PRICE = 60;

export function product(seed: number, number: number, moment: number): Product {
  const chance = chanceFor(seed, "product", number);
  const name = `${chance.pick(MAKES)} ${chance.pick(GOODS)} No. ${chance.between(2, 90)}`;
  const listCents = chance.between(4, 480) * 100 - 5;
  const soldPerHour = chance.between(1, 9);
  const shelf = chance.between(20, 240);
  const rating = (chance.between(32, 50) / 10).toFixed(1);
  const priceWindow = Math.floor((moment + chance.between(0, MINUTES_PER_PRICE)) / MINUTES_PER_PRICE);
  const offer = chanceFor(seed, "price", number, priceWindow);
  const reduced = offer.next() < 0.2;
  return {
    sku: `CH-${(number * 7919 + 10_000).toString(36).toUpperCase()}`,
    name,
    path: `/shop/${number}/${slugOf(name)}`,
    blurb: sentence(chance),
    priceCents: reduced ? Math.round(listCents * (1 - offer.between(5, 30) / 100)) : listCents,
    wasCents: reduced ? listCents : undefined,
    // Sells off the shelf, and the shelf is filled again when it is empty.
    stock: shelf - (Math.floor((moment * soldPerHour) / 60) % (shelf + 1)),
    rating,
    reviews: chance.between(3, 400) + Math.floor(moment / 240),
  };
}

export const crowns = (cents: number): string => `${(cents / 100).toFixed(2)} kr`;

export function ago(moment: number, then: number): string {
  const minutes = Math.max(0, Math.floor(moment - then));
  if (minutes < 1) return "just now";
  if (minutes < 60) return `${minutes} min ago`;
  if (minutes < 60 * 24) return `${Math.floor(minutes / 60)} h ago`;
  return `${Math.floor(minutes / 60 / 24)} d ago`;
}

/** The town's own calendar starts on a fixed day, so a seed makes the same bytes on any machine and date. */
const FIRST_DAY = Date.UTC(2025, 2, 3, 6, 0, 0);

export const isoTime = (moment: number): string =>
  new Date(FIRST_DAY + Math.round(moment * 60_000)).toISOString();

export const clockTime = (moment: number): string => isoTime(moment).slice(11, 16);
