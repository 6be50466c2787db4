/**
 * Dictionaries in a real browser, through a pair and alone: what a second visit costs, a page that it never saw, and the next version of a
 * script, in bytes at the socket; and that every page is what the site sent, compared in the page too, whatever the visitor does. The long form,
 * `COILGUN_BROWSER=all npm run test:system -- dictionaries`, stands behind nginx and HAProxy too, as behind a CDN that passes dictionaries through.
 */
import { readFileSync } from "node:fs";
import { request } from "node:https";
import type { Page, Response } from "playwright-core";
import { expect, it, onTestFinished } from "vitest";
import { type EdgeDaemon, startEdge } from "../../edge-side/run/daemon.ts";
import { type BlogSite, blogSite } from "../kit/blog-site.ts";
import { type Browser, startBrowser } from "../kit/browser.ts";
import { type CountingRelay, openCountingRelay } from "../kit/counting-relay.ts";
import { edgeConfigOf } from "../kit/daemons.ts";
import { openOrigin } from "../kit/fake-origin.ts";
import { FRONTS, type FrontProgram, startFront } from "../kit/front-proxy.ts";
import { CHROMIUM, describeWith } from "../kit/outside-program.ts";
import { HOST } from "../kit/real-daemons.ts";
import { makeSiteFiles, openSecurePair, type SiteFiles } from "../kit/secure-pair.ts";
import { silentLog } from "../kit/silent-log.ts";

const IS_LONG = process.env.COILGUN_BROWSER === "all";
/** Until the browser must have fetched the dictionary. */
const MOST_VISITS = 40;
const JSON_PATH = "/api/posts";
const TRUSTED = { trustedProxies: ["127.0.0.0/8"] };

/** An edge before the site: where it serves HTTPS, and its certificate. */
interface Served {
  readonly port: number;
  readonly certificate: string;
  readonly edge: EdgeDaemon;
}

const throughPair = async (site: BlogSite): Promise<Served> => {
  const { pair, https, certificate, ...made } = await openSecurePair({ serve: site.serve, edge: TRUSTED });
  onTestFinished(() => made[Symbol.asyncDispose]());
  return { port: https, certificate, edge: pair.edge };
};

const filesOf = (): SiteFiles => {
  const files = makeSiteFiles();
  onTestFinished(() => files[Symbol.dispose]());
  return files;
};

const edgeAlone = async (site: BlogSite, visitors: object | string): Promise<EdgeDaemon> => {
  const web = await openOrigin(site.serve);
  onTestFinished(() => web[Symbol.asyncDispose]());
  const hosts = [{ host: HOST, direct: `http://127.0.0.1:${web.port}` }];
  const config = edgeConfigOf({ keys: [], hosts, visitors, ...TRUSTED });
  const edge = await startEdge(config, { log: silentLog, load: () => 0 });
  onTestFinished(() => edge.stop());
  return edge;
};

const alone = async (site: BlogSite): Promise<Served> => {
  const { named } = filesOf();
  const edge = await edgeAlone(site, { listen: "127.0.0.1:0", ...named });
  return { port: edge.visitorsAddress.port, certificate: readFileSync(named.certificate, "utf8"), edge };
};

const behind =
  (path: string, program: FrontProgram) =>
  async (site: BlogSite): Promise<Served> => {
    const { named } = filesOf();
    const edge = await edgeAlone(site, "127.0.0.1:0");
    const front = await startFront(path, program, { edgePort: edge.visitorsAddress.port, ...named });
    onTestFinished(() => front[Symbol.asyncDispose]());
    return { port: front.port, certificate: readFileSync(named.certificate, "utf8"), edge };
  };

/** Visitors of three networks see a page. */
const teach = async ({ port }: Served, path: string): Promise<void> => {
  for (const network of [1, 2, 3]) {
    const headers = { Host: HOST, "X-Forwarded-For": `203.${network}.113.7` };
    const asked = request({
      port,
      host: "127.0.0.1",
      path,
      headers,
      rejectUnauthorized: false,
      agent: false,
    });
    await new Promise<void>((resolve, reject) => {
      asked.on("response", (response) => response.resume().on("end", resolve)).on("error", reject);
      asked.end();
    });
  }
};

interface Cost {
  /** Of its length. */
  readonly part: number;
  readonly coding: string | undefined;
}

interface Scene extends Served {
  readonly site: BlogSite;
  readonly browser: Browser;
  readonly page: Page;
  readonly complaints: readonly string[];
  /** Of which the site is the author, in the page too. */
  visit(path: string, go: () => Promise<Response | null>, tab?: Page): Promise<Cost>;
  goTo(path: string, tab?: Page): Promise<Cost>;
  /** Visits until the browser has the dictionary, which it gets when it has nothing else to do. */
  untilCoded(path: string): Promise<void>;
  /** By a script of the page: coding and text. */
  fetched(path: string): Promise<readonly [string | undefined, string]>;
  /** What the next version of the script cost of its length. */
  script(version: number): Promise<number>;
}

/** What the page is made of is what the browser makes of what the site sent. */
const isShown = (sent: Buffer): string =>
  `new DOMParser().parseFromString(${JSON.stringify(sent.toString())}, "text/html").documentElement.outerHTML === document.documentElement.outerHTML`;

const openBrowserScene = async (
  chromium: string,
  serve: (site: BlogSite) => Promise<Served>,
): Promise<Scene> => {
  const site = blogSite();
  const served = await serve(site);
  for (const path of ["/post-1", JSON_PATH]) await teach(served, path);
  const relay: CountingRelay = await openCountingRelay(served.port);
  onTestFinished(() => relay[Symbol.asyncDispose]());
  const browser = await startBrowser(chromium, served.certificate);
  onTestFinished(() => browser[Symbol.asyncDispose]());
  const { page, complaints } = await browser.open();
  const visit: Scene["visit"] = async (path, go, tab = page) => {
    const before = relay.bytes;
    const response = await go();
    const sent = site.lastOf(path);
    const body = await response?.body();
    expect(body?.equals(sent), "as it was sent").toBe(true);
    expect(sent.length).toBeGreaterThan(50_000);
    expect(await tab.evaluate(isShown(sent)), "as it is shown").toBe(true);
    const coding = (await response?.allHeaders())?.["content-encoding"];
    return { part: (relay.bytes - before) / sent.length, coding };
  };
  const goTo: Scene["goTo"] = (path, tab = page) =>
    visit(path, () => tab.goto(`https://${HOST}:${relay.port}${path}`), tab);
  return {
    ...served,
    site,
    browser,
    page,
    complaints,
    visit,
    goTo,
    async untilCoded(path) {
      for (let visits = 0; visits < MOST_VISITS && (await goTo(path)).coding !== "dcz"; visits++);
    },
    async fetched(path) {
      const responded = page.waitForResponse((response) => response.url().endsWith(path));
      const text = await page.evaluate<string>(`fetch("${path}").then((r) => r.text())`);
      return [(await (await responded).allHeaders())["content-encoding"], text];
    },
    async script(version) {
      const before = relay.bytes;
      const path = `/assets/app.${version}.js`;
      const text = await page.evaluate(`fetch("${path}").then((r) => r.text())`);
      const sent = site.lastOf(path);
      expect(text).toBe(sent.toString());
      return (relay.bytes - before) / sent.length;
    },
  };
};

const costsWhatIsNew = async (chromium: string, serve: (site: BlogSite) => Promise<Served>) => {
  const { visit, goTo, page, browser, script, complaints, ...scene } = await openBrowserScene(
    chromium,
    serve,
  );
  const first = await goTo("/post-1");
  expect(first.coding).toBe("br");
  await scene.untilCoded("/post-1");
  const second = await goTo("/post-1");
  const unseen = await goTo("/post-2");
  expect([second.coding, unseen.coding]).toEqual(["dcz", "dcz"]);
  expect(second.part).toBeLessThan(0.03);
  expect(unseen.part).toBeLessThan(0.08);
  expect((await visit("/post-2", () => page.reload())).coding).toBe("dcz");
  await page.goBack();
  expect(await page.title()).toBe("Post 1");
  const { page: tab } = await browser.open();
  expect((await goTo("/post-3", tab)).coding).toBe("dcz");
  expect((await goTo("/post-2", page)).coding).toBe("dcz");

  const [coding, text] = await scene.fetched(JSON_PATH);
  expect(coding).toBe("dcz");
  expect(text).toBe(scene.site.lastOf(JSON_PATH).toString());

  let version = 10_000_001;
  // The browser writes what it keeps to its disk first.
  for (let visits = 0; visits < MOST_VISITS && (await script(version++)) > 0.1; visits++);
  const next = await script(version);
  expect(next).toBeLessThan(0.02);
  if (IS_LONG)
    console.log(
      [second, unseen, { part: next }].map(({ part }) => `${(100 * part).toFixed(2)} %`).join(", "),
    );

  await browser.clearCookies();
  expect(["br", "dcz"]).toContain((await goTo("/post-1")).coding);
  expect(complaints).toEqual([]);
};

describeWith(CHROMIUM, "dictionaries in Chromium", (chromium) => {
  it.each([
    ["through a pair", throughPair],
    ["alone", alone],
  ])("%s: pages and scripts cost what is new in them, and are what the site sent", (_, serve) =>
    costsWhatIsNew(chromium, serve),
  );

  if (!IS_LONG) return;
  for (const front of FRONTS)
    describeWith(front, `behind ${front.names[0]}`, (path) => {
      it("they cost the same", () => costsWhatIsNew(chromium, behind(path, front)));
    });

  it.each([
    ["through a pair", throughPair],
    ["alone", alone],
  ])("%s: whatever the visitor does, every page is what the site sent", async (_, serve) => {
    const scene = await openBrowserScene(chromium, serve);
    const { goTo, page, site, browser, visit, untilCoded, edge, complaints } = scene;
    await goTo("/post-1");
    await untilCoded("/post-1");

    // Back: from the browser's cache, or asked for anew.
    const shown = await page.evaluate("document.documentElement.outerHTML");
    await goTo("/post-2");
    await page.goBack();
    const now = await page.evaluate("document.documentElement.outerHTML");
    expect(now === shown || (await page.evaluate(isShown(site.lastOf("/post-1"))))).toBe(true);
    await page.goForward();
    expect(await page.title()).toBe("Post 2");

    // Two tabs at a time.
    const { page: tab } = await browser.open();
    const both = await Promise.all([goTo("/post-3"), goTo("/post-4", tab)]);
    expect(both.map(({ coding }) => coding)).toEqual(["dcz", "dcz"]);
    await page.setContent("");
    await goTo("/post-1");

    // A service worker fetches pages, files and all else: the site's dictionary is for what it fetches, too.
    const started = `navigator.serviceWorker.register("/worker.js").then(() => navigator.serviceWorker.ready).then(() => true)`;
    expect(await page.evaluate(started)).toBe(true);
    await goTo("/post-2");
    expect(await page.evaluate("navigator.serviceWorker.controller !== null")).toBe(true);
    expect((await goTo("/post-5")).coding).toBe("dcz");
    await scene.script(20_000_001);
    await scene.script(20_000_002);
    await page.evaluate(
      "navigator.serviceWorker.getRegistrations().then((all) => Promise.all(all.map((each) => each.unregister())))",
    );

    // The dictionary goes with the cookies; the next one comes again.
    const { page: other } = await browser.open();
    await other.goto(new URL("/sign-out", page.url()).href);
    expect((await goTo("/post-1", other)).coding).toBe("br");
    await untilCoded("/post-1");

    // The browser has lost what it kept, or the edge has.
    const session = await page.context().newCDPSession(page);
    await session.send("Network.clearBrowserCache");
    expect((await goTo("/post-1")).coding).toBe("br");
    await untilCoded("/post-1");
    await edge.forget({ host: HOST, url: undefined });
    expect((await goTo("/post-1")).coding).toBe("br");
    expect((await visit("/post-1", () => page.reload())).coding).toBe("br");
    expect(complaints).toEqual([]);
  });
});
