/** How a try asks somebody's site: robots, redirects, cookies, limits, and what of an address may be shown. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { readCapture } from "../../../bench/corpus/capture.ts";
import { listenOnLoopback } from "../../../bench/rig/loopback.ts";
import { openJar } from "../../../bench/try/cookie-file.ts";
import { fetchRounds, type SiteVisit, type Wanted } from "../../../bench/try/fetch-rounds.ts";
import { printedUrl } from "../../../bench/try/printed-url.ts";
import { recordSite } from "../../../bench/try/record.ts";
import { isSameSite, siteClient, siteUrl } from "../../../bench/try/site-client.ts";
import { systemClock } from "../../../protocol/runtime/clock.ts";
import { FakeClock } from "../../kit/fake-clock.ts";
import { watchLeaks } from "../../kit/leaks.ts";

watchLeaks();
const folder = mkdtempSync(join(tmpdir(), "coilgun-try-site-"));
afterAll(() => rmSync(folder, { recursive: true }));
const opened: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

/** A site, and what it was asked for, with the greatest number of requests that were under way at once. */
async function siteOf(serve: RequestListener) {
  const asked: { readonly path: string; readonly agent: string; readonly cookie: string }[] = [];
  let [now, most] = [0, 0];
  const server = createServer((request, response) => {
    now += 1;
    most = Math.max(most, now);
    response.once("close", () => {
      now -= 1;
    });
    const { "user-agent": agent = "", cookie = "" } = request.headers;
    asked.push({ path: request.url ?? "", agent, cookie });
    serve(request, response);
  });
  const address = await listenOnLoopback(server);
  opened.push(
    () => server.closeAllConnections(),
    () => server.close(),
  );
  return { url: (path: string) => siteUrl(`http://${address}${path}`), asked, mostAtOnce: () => most };
}

async function clientWith(jar?: string, mostBytes?: number) {
  const client = siteClient({
    jar: await openJar(jar),
    clock: systemClock,
    coded: true,
    ...(mostBytes !== undefined && { mostBytes }),
  });
  opened.push(() => client.close());
  return client;
}

async function roundsOf(wanted: Pick<Wanted, "urls"> & Partial<Wanted>, clock = systemClock) {
  const notes: string[] = [];
  const visits: SiteVisit[] = [];
  const all = { find: undefined, visits: 1, everyMs: 0, ...wanted };
  const rounds = fetchRounds(await clientWith(), all, {
    clock,
    note: (sentence) => notes.push(sentence),
    onVisit: () => undefined,
  });
  for await (const visit of rounds) visits.push(visit);
  return { notes, visits };
}

const html =
  (body: string): RequestListener =>
  (_, response) =>
    response.setHeader("Content-Type", "text/html").end(body);
const byPath =
  (paths: Readonly<Record<string, RequestListener>>): RequestListener =>
  (request, response) => {
    const serve = paths[request.url ?? ""];
    if (serve === undefined) response.writeHead(404).end();
    else serve(request, response);
  };
const to =
  (location: string): RequestListener =>
  (_, response) =>
    response.writeHead(302, { Location: location }).end();

describe("a crawl", () => {
  const LINKS = `<a href="/a">a</a> <a href='/private/x'>no</a> <a href=/b?p=1&amp;q=2>b</a>
    <a rel="nofollow" href="/c">no</a> <a href="/logout">no</a> <a href="https://other.test/">no</a> <a href="/d">d</a>`;
  const PATHS = {
    "/": html(LINKS),
    "/a": html(""),
    "/b?p=1&q=2": html(""),
    "/d": html(""),
    "/robots.txt": (_: unknown, response: Parameters<RequestListener>[1]) =>
      response.end(
        "User-agent: *\nDisallow: /private\nDisallow: /d\n\nUser-agent: coilgun-bench\nDisallow: /private\n",
      ),
  } as const;

  it("asks only what robots.txt and links allow, by name, one at a time, each page once a round", async () => {
    const site = await siteOf(byPath(PATHS));
    const { visits } = await roundsOf({ urls: [site.url("/")], find: { by: "crawl", most: 9 }, visits: 2 });
    const round = ["/", "/a", "/b?p=1&q=2", "/d"];
    expect(site.asked.map(({ path }) => path)).toEqual(["/robots.txt", ...round, ...round]);
    expect(visits.map(({ page, visit }) => `${page} ${visit}`)).toEqual(
      [1, 2].flatMap((visit) => [0, 1, 2, 3].map((page) => `${page} ${visit}`)),
    );
    for (const { agent } of site.asked) expect(agent).toMatch(/^coilgun-bench\/\d+\.\d+\.\d+$/);
    expect(site.mostAtOnce()).toBe(1);
  });

  it("says where a page asks that its links be left alone", async () => {
    const site = await siteOf(
      byPath({ ...PATHS, "/": html(`<meta name="robots" content="noindex,nofollow">${LINKS}`) }),
    );
    const { visits, notes } = await roundsOf({ urls: [site.url("/")], find: { by: "crawl", most: 9 } });
    expect(visits.length).toBe(1);
    expect(notes).toEqual([
      expect.stringMatching(/\/ says nofollow to robots, so its links were not followed; name/),
    ]);
  });

  it("stops at as many pages as were asked for", async () => {
    const site = await siteOf(byPath(PATHS));
    const { visits } = await roundsOf({ urls: [site.url("/")], find: { by: "crawl", most: 2 } });
    expect(visits.length).toBe(2);
  });

  it.each([
    { robots: 503, find: { by: "crawl", most: 3 } as const, says: "status 503, so nothing may be crawled" },
    { robots: 503, find: { by: "sitemap", most: 3 } as const, says: "status 503, so nothing may be crawled" },
  ])("asks nothing where robots.txt gets $robots ($find.by)", async ({ robots, find, says }) => {
    const site = await siteOf((_, response) => response.writeHead(robots).end());
    await expect(roundsOf({ urls: [site.url("/")], find })).rejects.toThrow(says);
    expect(site.asked.map(({ path }) => path)).toEqual(["/robots.txt"]);
  });

  it("leaves the pause that robots.txt asks for before each request", async () => {
    const site = await siteOf(
      byPath({ ...PATHS, "/robots.txt": (_, response) => response.end("User-agent: *\nCrawl-delay: 7\n") }),
    );
    const clock = new FakeClock();
    const pauses: number[] = [];
    clock.sleep = async (ms) => void pauses.push(ms);
    const { notes } = await roundsOf({ urls: [site.url("/")], find: { by: "crawl", most: 3 } }, clock);
    expect(pauses).toEqual([7_000, 7_000, 7_000]);
    expect(notes).toEqual(["robots.txt asks for 7 s between two requests, and gets them."]);
  });

  it("does not follow a redirect to what robots.txt rules out", async () => {
    const site = await siteOf(byPath({ ...PATHS, "/a": to("/private/a") }));
    const { notes } = await roundsOf({ urls: [site.url("/")], find: { by: "crawl", most: 2 } });
    expect(site.asked.map(({ path }) => path)).toEqual(["/robots.txt", "/", "/a"]);
    expect(notes.join()).toContain("rules out");
  });
});

it("takes the pages of a sitemap of sitemaps, packed or not, from all of it", async () => {
  const locs = (paths: readonly string[], site: { url(path: string): URL }) =>
    paths.map((path) => `<loc>${site.url(path).href}</loc>`).join("\n");
  const pages = Object.fromEntries(Array.from({ length: 10 }, (_, n) => [`/p${n}`, html("")]));
  const site = await siteOf((request, response) =>
    byPath({
      ...pages,
      "/robots.txt": (_, answer) =>
        answer.end(`Sitemap: ${site.url("/all.xml").href}\nUser-agent: *\nDisallow: /p0\n`),
      "/all.xml": (_, answer) => answer.end(`<sitemapindex>${locs(["/part.xml.gz"], site)}</sitemapindex>`),
      "/part.xml.gz": (_, answer) =>
        answer.end(gzipSync(`<urlset>${locs(Object.keys(pages), site)}</urlset>`)),
    })(request, response),
  );
  const { visits } = await roundsOf({ urls: [site.url("/")], find: { by: "sitemap", most: 3 } });
  expect(visits.map(({ answer }) => answer.url.pathname)).toEqual(["/p1", "/p4", "/p7"]);
});

describe("redirects", () => {
  it("are followed within the site, and said", async () => {
    const site = await siteOf(byPath({ "/": to("/home"), "/home": html("home") }));
    const { visits, notes } = await roundsOf({ urls: [site.url("/")], visits: 2 });
    expect(site.asked.map(({ path }) => path)).toEqual(["/", "/home", "/home"]);
    expect(visits.map(({ answer }) => answer.body.toString())).toEqual(["home", "home"]);
    expect(notes).toEqual([`${site.url("/").href} leads to ${site.url("/home").href}.`]);
  });

  it.each([
    { location: "https://elsewhere.test/", says: "leads to another site" },
    { location: "/", says: "more than 5 redirects" },
  ])("to $location end it: $says", async ({ location, says }) => {
    const site = await siteOf(byPath({ "/": to(location) }));
    const client = await clientWith();
    await expect(client.follow(site.url("/"), () => undefined)).rejects.toThrow(says);
  });

  it.each([
    { one: "http://example.com/", other: "https://www.example.com/", same: true },
    { one: "http://example.co.uk/", other: "http://other.co.uk/", same: false },
    { one: "http://a.github.io/", other: "http://b.github.io/", same: false },
    { one: "http://10.0.0.1/", other: "http://10.0.0.2/", same: false },
    { one: "http://localhost:1/", other: "http://localhost:2/", same: true },
  ])("from $one to $other stay within the site: $same", ({ one, other, same }) => {
    expect(isSameSite(new URL(one), new URL(other))).toBe(same);
  });
});

describe("cookies", () => {
  const jarWith = (text: string): string => {
    const path = join(folder, "jar.txt");
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  };

  it("of the jar are sent where they belong, and those that the site sets are kept", async () => {
    const site = await siteOf((_, response) => response.setHeader("Set-Cookie", "seen=1; Path=/").end());
    const client = await clientWith(
      jarWith(
        [
          "# Netscape HTTP Cookie File",
          "#HttpOnly_127.0.0.1\tFALSE\t/\tFALSE\t0\tsession\tabc",
          "127.0.0.1\tFALSE\t/admin\tFALSE\t0\tadmin\t1",
          "127.0.0.1\tFALSE\t/\tFALSE\t1\tended\t1",
          "elsewhere.test\tTRUE\t/\tFALSE\t0\tother\t1",
        ].join("\n"),
      ),
    );
    await client.ask(site.url("/"));
    await client.ask(site.url("/"));
    expect(site.asked.map(({ cookie }) => cookie)).toEqual(["session=abc", "session=abc; seen=1"]);
  });

  it("of a file that is none are refused without showing them", async () => {
    const opening = openJar(jarWith("session=verysecret"));
    await expect(opening).rejects.toThrow("jar.txt, line 1 is not a cookie");
    await expect(opening).rejects.not.toThrow("verysecret");
  });
});

it("sends user and password of an address, to that site alone, and shows them nowhere", async () => {
  const site = await siteOf((_, response) => response.end());
  const url = site.url("/");
  url.username = "me";
  url.password = "hush";
  const answer = await (await clientWith()).ask(url);
  expect(answer.authorization).toBe(`Basic ${Buffer.from("me:hush").toString("base64")}`);
  expect(answer.url.href).toBe(site.url("/").href);
  expect(printedUrl(url)).not.toContain("hush");
});

it.each([
  { what: "as it comes", body: Buffer.alloc(2_000), head: {}, says: "more than" },
  {
    what: "without its coding",
    body: gzipSync(Buffer.alloc(100_000)),
    head: { "Content-Encoding": "gzip" },
    says: "too large without its coding",
  },
])("refuses a body that is too large $what", async ({ body, head, says }) => {
  const site = await siteOf((_, response) => response.writeHead(200, head).end(body));
  await expect((await clientWith(undefined, 1_000)).ask(site.url("/"))).rejects.toThrow(says);
});

it("leaves a site alone that says 429", async () => {
  const site = await siteOf(byPath({ "/a": html(""), "/b": (_, response) => response.writeHead(429).end() }));
  const { visits, notes } = await roundsOf({ urls: [site.url("/a"), site.url("/b")], visits: 5 });
  expect([visits.length, site.asked.length]).toEqual([1, 2]);
  expect(notes.join()).toContain("status 429");
});

it.each([
  ["https://me:hush@a.test/x?page=2", "https://a.test/x?page=2"],
  ["https://a.test/reset/Zk93jXq0Vw8LmP2rT7aB?x=1", "https://a.test/reset/…?x=1"],
  ["https://a.test/?token=abc&p=12", "https://a.test/?token=…&p=12"],
  ["https://a.test/?q=Zk93jXq0Vw8LmP2rT7aB", "https://a.test/?q=…"],
  ["https://a.test/index.php?title=Main_Page", "https://a.test/index.php?title=Main_Page"],
])("shows %s as %s", (url, shown) => {
  expect(printedUrl(new URL(url))).toBe(shown);
});

it("records a capture that replay reads, for its owner alone", async () => {
  const site = await siteOf((_, response) =>
    response
      .writeHead(200, { "Content-Type": "text/html", "Content-Encoding": "gzip", "Set-Cookie": "s=1" })
      .end(gzipSync("a page")),
  );
  const out = join(folder, "capture");
  const wanted = { urls: [site.url("/?a=1")], find: undefined, visits: 2, everyMs: 0 };
  const options = { clock: systemClock, note: () => undefined, onVisit: () => undefined };
  const client = await clientWith();
  expect(await recordSite(client, wanted, { ...options, folder: out, session: "user-1" })).toBe(2);
  const capture = readCapture(out);
  const [first, second] = capture?.visits ?? [];
  expect([first?.cookie, second?.cookie, first?.path]).toEqual(["", "s=1", "/?a=1"]);
  expect(first && capture?.read(first).toString()).toBe("a page");
  expect(first?.head.some(([name]) => /content-encoding/i.test(name))).toBe(false);
  const files = [
    join(out, "manifest.json"),
    ...readdirSync(join(out, "bodies")).map((name) => join(out, "bodies", name)),
  ];
  expect(files.map((file) => statSync(file).mode & 0o777)).toEqual([0o600, 0o600]);
  expect(readFileSync(files[1] ?? "", "utf8")).toBe("a page");
  await expect(recordSite(client, wanted, { ...options, folder: out, session: "x" })).rejects.toThrow(
    "not empty",
  );
});
