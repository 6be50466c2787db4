/**
 * A web server whose every page differs a little from the last one sent, as a dynamic site's do, and a visitor who checks
 * that it gets those very bytes.
 */
import { expect } from "vitest";
import { type FakeOrigin, openOrigin } from "./fake-origin.ts";
import { Random } from "./random.ts";
import { type Asking, type Visited, visit } from "./visits.ts";

const ITEMS = 150;

/** Of each seed; thousands of pages are made of a few. */
const lists = new Map<number, string>();

const listOf = (seed: number): string => {
  const random = new Random(seed);
  const items = Array.from({ length: ITEMS }, () => `<li>${random.bytes(20).toString("hex")}</li>`);
  const list = items.join("\n");
  lists.set(seed, list);
  return list;
};

/** A page that hardly compresses by itself: about 8 KB of random words, and what makes this one new. */
export const pageOf = (seed: number, news: string): Buffer =>
  Buffer.from(
    `<!doctype html><title>News</title><h1>${news}</h1><ul>${lists.get(seed) ?? listOf(seed)}</ul>\n`,
  );

export interface ChangingSite extends FakeOrigin {
  /** Bodies as they were sent, in order. */
  readonly sent: readonly Buffer[];
  /** While it is set, a request gets no answer before this has resolved. */
  hold: Promise<void> | undefined;
}

export const openSite = async (): Promise<ChangingSite> => {
  const sent: Buffer[] = [];
  const origin = await openOrigin(async (request, response) => {
    request.resume();
    await site.hold;
    if (response.destroyed) return;
    const body = pageOf(1, `Page ${sent.length}`);
    sent.push(body);
    response.setHeader("Content-Type", "text/html").end(body);
  });
  const site: ChangingSite = Object.assign(origin, { sent, hold: undefined });
  return site;
};

/** Visits and expects the page that the site has sent last. */
export const visitPage = async (site: ChangingSite, port: number, asking?: Asking): Promise<Visited> => {
  const visited = await visit(port, asking);
  expect(visited.status).toBe(200);
  expect(visited.cut).toBe(false);
  expect(visited.body.equals(site.sent.at(-1) ?? Buffer.alloc(0)), "the page as it was sent").toBe(true);
  return visited;
};
