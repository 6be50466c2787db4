/** bench/demo-site: pages are of realistic size and make-up, differ in every response, and repeat with their seed. */
import { constants, gzipSync, zstdCompressSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import {
  kindOf,
  PAGE_KINDS,
  type PageKind,
  type RenderedPage,
  renderTarget,
} from "../../../bench/demo-site/pages.ts";
import { visitOf } from "../../../bench/demo-site/site.ts";
import { article, newestArticle } from "../../../bench/demo-site/world.ts";

const SEED = 1;
const TARGETS: Readonly<Record<PageKind, string>> = {
  "front page": "/",
  article: article(SEED, newestArticle(0) - 5).path,
  listing: "/shop?page=2",
  account: "/account",
  API: "/api/departures",
};

const render = (
  target: string,
  options: { number: number; moment: number; cookie?: string },
): RenderedPage => {
  const cookie = options.cookie ?? "session=abc";
  const page = renderTarget(visitOf({ headers: { cookie } }, { seed: SEED, ...options }), target);
  if (page === undefined) throw new Error(`no page at ${target}`);
  return page;
};

describe.each(PAGE_KINDS)("a page of kind %s", (kind) => {
  const target = TARGETS[kind];

  it("is known by its target", () => expect(kindOf(target)).toBe(kind));

  it("says an before a vowel", () => {
    const { body } = render(target, { number: 1, moment: 0 });
    expect(body.toString()).not.toMatch(/\ba (?:uneven|unexpected|ordinary|overdue|argument|experiment)/i);
  });

  it("is 30 to 120 KB and compresses as real pages do, to between a tenth and a third", () => {
    const { body } = render(target, { number: 1, moment: 0 });
    expect(body.length).toBeGreaterThan(30_000);
    expect(body.length).toBeLessThan(120_000);
    const share = gzipSync(body, { level: 6 }).length / body.length;
    expect(share).toBeGreaterThan(0.1);
    expect(share).toBeLessThan(0.33);
  });

  it("differs between two responses at the same moment", () => {
    const [one, other] = [1, 2].map((number) => render(target, { number, moment: 10 }).body);
    expect(one?.equals(other ?? Buffer.alloc(0))).toBe(false);
  });

  it("is the same for the same visit", () => {
    const [one, other] = [1, 2].map(() => render(target, { number: 3, moment: 10 }).body);
    expect(one?.equals(other ?? Buffer.alloc(0))).toBe(true);
  });

  it("mostly repeats itself some minutes later: a delta is under a tenth of its gzip", () => {
    const [base, page] = [0, 8].map((moment) => render(target, { number: moment + 1, moment }).body);
    if (base === undefined || page === undefined) throw new Error("two pages were rendered");
    const params = { [constants.ZSTD_c_compressionLevel]: 6, [constants.ZSTD_c_windowLog]: 20 };
    const delta = zstdCompressSync(page, { dictionary: base, params });
    expect(delta.length).toBeLessThan(gzipSync(page).length / 10);
  });
});

describe("the demo site's pages", () => {
  const textOf = (target: string, moment: number, cookie?: string) =>
    render(target, { number: 1, moment, ...(cookie === undefined ? {} : { cookie }) }).body.toString();
  const count = (text: string, what: RegExp) => [...text.matchAll(what)].length;

  it("get new teasers on the front page as time goes by", () => {
    const [first] = /data-article="\d+"/.exec(textOf("/", 0)) ?? [];
    const [later] = /data-article="\d+"/.exec(textOf("/", 60)) ?? [];
    expect(later).not.toBe(first);
  });

  it("get more comments under an article", () => {
    const comments = (moment: number) => count(textOf(TARGETS.article, moment), /id="comment-/g);
    expect(comments(120)).toBeGreaterThan(comments(0));
  });

  it("change stock in the listing", () => {
    const stock = (moment: number) =>
      [...textOf(TARGETS.listing, moment).matchAll(/(\d+) in stock/g)].map(([, n]) => n);
    expect(stock(0)).not.toEqual(stock(60));
  });

  it("carry a form token that is never the same twice", () => {
    const tokens = [1, 2, 3].map(
      (number) =>
        /name="csrf" value="([\w-]{43})"/.exec(
          render("/account", { number, moment: 0 }).body.toString(),
        )?.[1],
    );
    expect(new Set(tokens).size).toBe(3);
    expect(tokens).not.toContain(undefined);
  });

  it("show each session its own account", () => {
    const orders = (cookie: string) =>
      [...textOf("/account", 0, cookie).matchAll(/data-order="(TW-\d+)"/g)].map(([, n]) => n);
    const [mine, theirs] = [orders("session=a1"), orders("session=b2")];
    expect(mine.length).toBeGreaterThan(10);
    expect(mine.filter((order) => theirs.includes(order))).toEqual([]);
  });

  it.each([
    "/nothing",
    "/news/0/x",
    "/news/99999999/x",
    "/news/abc",
    "/shop?page=0",
    "/shop?page=13",
    "/shop?page=1.5",
  ])("do not exist at %s", (target) =>
    expect(renderTarget(visitOf(undefined, { seed: SEED, number: 1, moment: 0 }), target)).toBeUndefined(),
  );

  it("are JSON where they say so", () => {
    const { contentType, body } = render(TARGETS.API, { number: 1, moment: 5 });
    expect(contentType).toBe("application/json; charset=utf-8");
    expect(JSON.parse(body.toString()).departures).toHaveLength(140);
  });
});
