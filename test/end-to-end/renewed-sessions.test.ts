/**
 * Sessions whose cookies change while they last, through both halves of a pair: what each page of theirs costs on the link, and
 * who finds nothing of them.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type FakeOrigin, openOrigin } from "../kit/fake-origin.ts";
import { type EdgeHalf, joinHalves, type OriginHalf, openEdgeHalf, openOriginHalf } from "../kit/halves.ts";
import { watchLeaks } from "../kit/leaks.ts";
import { Random } from "../kit/random.ts";
import { visit } from "../kit/visits.ts";

watchLeaks();

/** Pages of 23, 38 and 54 KB that hardly compress by themselves; `news` differs in each answer. */
const SIZES: Readonly<Record<string, number>> = {
  "/orders": 23_000,
  "/account": 38_000,
  "/messages": 54_000,
};
const PAGES = Object.keys(SIZES);
/** The least of them without a base of its own takes more on the link. */
const NEW = 10_000;
const fillOf = (path: string): string =>
  new Random(path.length).bytes((SIZES[path] ?? 30_000) / 2).toString("hex");
const fills = new Map(PAGES.map((path) => [path, fillOf(path)]));
const pageOf = (path: string, news: string): string =>
  `<!doctype html><title>${path}</title><p>${news}</p><main>${fills.get(path) ?? fillOf(path)}</main>`;

let web: FakeOrigin;
let edge: EdgeHalf;
let origin: OriginHalf;
/** What the web server says next: the fields of its response, its status, and what is new on the page. */
let says: (request: IncomingMessage) => {
  cookies?: string[];
  status?: number;
  news?: string;
  until?: Promise<void>;
};
let asked: number;
beforeEach(async () => {
  asked = 0;
  web = await openOrigin(async (request: IncomingMessage, response: ServerResponse) => {
    request.resume();
    const { cookies = [], status = 200, news = "", until } = says(request);
    await until;
    response.setHeader("Content-Type", "text/html").setHeader("Cache-Control", "private, no-cache");
    if (cookies.length > 0) response.setHeader("Set-Cookie", cookies);
    response.writeHead(status).end(pageOf(request.url ?? "", news));
  });
  edge = await openEdgeHalf();
  origin = await openOriginHalf({ port: web.port });
  await joinHalves(edge, origin);
});
afterEach(async () => {
  await edge[Symbol.asyncDispose]();
  await origin[Symbol.asyncDispose]();
  await web[Symbol.asyncDispose]();
});

/** A visit; what its answer took of the link, and how it travelled. */
const ask = async (path: string, cookie: string, method = "GET", fields = {}) => {
  const headers = { Cookie: cookie, "Sec-Fetch-Site": "same-origin", ...fields };
  const number = ++asked;
  const visited = await visit(edge.port, { path, method, headers });
  const record = await edge.record(number);
  return { visited, bytes: record.answerBytes ?? 0 };
};

let made = 0;
/** Like a cookie of Rails: encrypted anew, so that nothing of it is as before. */
const secret = (): string => new Random(++made).bytes(120).toString("base64url");

describe("a session whose cookie is renewed with each answer", () => {
  it("costs no more than one whose cookie stays, on three pages in turn", async () => {
    let cookie = `_app_session=${secret()}`;
    const tour = async (news: string): Promise<number[]> => {
      const costs: number[] = [];
      for (const path of PAGES) {
        const next = `_app_session=${secret()}`;
        says = () => ({ cookies: [`${next}; path=/; HttpOnly; SameSite=Lax`], news });
        const { bytes, visited } = await ask(path, cookie);
        expect(visited.body.toString()).toBe(pageOf(path, news));
        costs.push(bytes);
        cookie = next;
      }
      return costs;
    };
    await tour("first");
    for (const bytes of await tour("first")) expect(bytes, "unchanged").toBeLessThanOrEqual(35);
    for (const bytes of await tour("later")) expect(bytes, "changed").toBeLessThanOrEqual(45);
  });

  it("costs no more where scripts repeat one of them in a header, decoded", async () => {
    let token = `${secret()}==`;
    let session = secret();
    const costs: number[] = [];
    for (let at = 0; at < 4; at++) {
      const cookie = `XSRF-TOKEN=${encodeURIComponent(token)}; laravel_session=${session}`;
      const header = { "X-XSRF-TOKEN": token };
      token = `${secret()}==`;
      session = secret();
      const cookies = [`XSRF-TOKEN=${encodeURIComponent(token)}`, `laravel_session=${session}; HttpOnly`];
      says = () => ({ cookies });
      costs.push((await ask("/orders", cookie, "GET", header)).bytes);
    }
    for (const bytes of costs.slice(1)) expect(bytes).toBeLessThanOrEqual(35);
  });

  it("goes on under whichever cookie the visitor has in the end, of several that came at once", async () => {
    const cookie = `sid=${secret()}`;
    says = () => ({});
    await ask("/orders", cookie);
    const held = Promise.withResolvers<void>();
    const next = PAGES.map(() => `sid=${secret()}`);
    says = (request) => ({ cookies: [next[PAGES.indexOf(request.url ?? "")] ?? ""], until: held.promise });
    const all = PAGES.map((path) => ask(path, cookie));
    await web.askedReach(1 + PAGES.length);
    held.resolve();
    await Promise.all(all);
    says = () => ({});
    for (const each of next)
      expect((await ask("/orders", each)).bytes, "each of them").toBeLessThanOrEqual(35);
    expect((await ask("/orders", cookie)).bytes, "and the old one finds nothing").toBeGreaterThan(NEW);
  });

  it("leaves nothing to who has the old cookie: a planted session", async () => {
    const [planted, next] = [`sid=${secret()}`, `sid=${secret()}`];
    says = () => ({ cookies: [next] });
    await ask("/orders", planted);
    says = () => ({});
    await ask("/account", next);
    for (const path of PAGES) expect((await ask(path, planted)).bytes).toBeGreaterThan(NEW);
  });

  it.each([
    ["POST", 200],
    ["GET", 303],
  ])("begins anew after %s with %d: a kiosk's next user", async (method, status) => {
    const [before, after] = [`sid=${secret()}`, `sid=${secret()}`];
    says = () => ({});
    await ask("/orders", before);
    says = () => ({ cookies: [after], status });
    await ask("/login", before, method);
    says = () => ({});
    expect((await ask("/orders", after)).bytes).toBeGreaterThan(NEW);
  });

  it("finds nothing under a cookie that somebody else was given too", async () => {
    const [alice, bob, guest] = [secret(), secret(), secret()].map((each) => `sid=${each}`) as [
      string,
      string,
      string,
    ];
    says = () => ({});
    await ask("/orders", alice);
    says = () => ({ cookies: [guest] });
    await ask("/account", alice);
    await ask("/messages", bob);
    says = () => ({});
    expect((await ask("/orders", guest)).bytes).toBeGreaterThan(NEW);
  });

  it("takes no more room than one whose cookie stays", async () => {
    let cookie = `sid=${secret()}`;
    const visits = async (): Promise<number> => {
      for (let time = 0; time < 8; time++) {
        const next = `sid=${secret()}`;
        says = () => ({ cookies: [next], news: String(time) });
        await ask("/orders", cookie);
        cookie = next;
      }
      return edge.store.books.entries;
    };
    const entries = await visits();
    expect(await visits()).toBe(entries);
  });
});

describe("a session beside whose secret the time of the last visit is renewed", () => {
  it("costs no more than one without, from the third page on", async () => {
    const login = `login=${secret()}`;
    let time = 1_700_000_000;
    const tour = async (): Promise<number[]> => {
      const costs: number[] = [];
      for (const path of PAGES) {
        says = () => ({ cookies: [`settings-time-1=${time + 1}; path=/`] });
        costs.push((await ask(path, `${login}; settings-time-1=${time}`)).bytes);
        time++;
      }
      return costs;
    };
    await tour();
    await tour();
    for (const bytes of await tour()) expect(bytes).toBeLessThanOrEqual(35);
  });
});
