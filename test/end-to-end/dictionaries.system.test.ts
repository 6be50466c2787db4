/**
 * Dictionaries in a real browser, through a pair and alone: what a second visit costs, a page that it never saw, and the next version of a
 * script, in bytes at the socket; and that every page is what the site sent, compared in the page too, whatever the visitor does. The long form,
 * `COILGUN_BROWSER=all npm run test:system -- dictionaries`, stands behind nginx and HAProxy too, as behind a CDN that passes dictionaries through.
 */
import { expect, it } from "vitest";
import { blogSite } from "../kit/blog-site.ts";
import {
  alone,
  behind,
  isShown,
  MOST_VISITS,
  openBrowserScene,
  type Served,
  type Site,
  throughPair,
} from "../kit/browser-scene.ts";
import { FRONTS } from "../kit/front-proxy.ts";
import { CHROMIUM, describeWith } from "../kit/outside-program.ts";
import { HOST } from "../kit/real-daemons.ts";

const IS_LONG = process.env.COILGUN_BROWSER === "all";
const JSON_PATH = "/api/posts";
const TAUGHT = ["/post-1", JSON_PATH];

const costsWhatIsNew = async (chromium: string, serve: (site: Site) => Promise<Served>) => {
  const site = blogSite();
  const { visit, goTo, page, browser, script, complaints, ...scene } = await openBrowserScene(chromium, {
    site,
    serve,
    taught: TAUGHT,
  });
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
  expect(text).toBe(site.lastOf(JSON_PATH).toString());

  // The browser writes what it keeps to its disk first, and may ask for a version before the last one is there. The first that it asks for on it counts; on a busy machine it is
  // given the more to do in between.
  let version = 10_000_001;
  let next = await script(version);
  for (let visits = 1; visits < MOST_VISITS && !next.isOnLast; visits++) {
    for (let others = 1; others < visits; others++) await goTo("/post-1");
    next = await script(++version);
  }
  expect(next.isOnLast).toBe(true);
  expect(next.part).toBeLessThan(0.02);
  if (IS_LONG)
    console.log([second, unseen, next].map(({ part }) => `${(100 * part).toFixed(2)} %`).join(", "));

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
    const site = blogSite();
    const scene = await openBrowserScene(chromium, { site, serve, taught: TAUGHT });
    const { goTo, page, browser, visit, untilCoded, edge, complaints } = scene;
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
