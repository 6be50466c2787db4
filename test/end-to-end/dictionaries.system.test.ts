/**
 * Dictionaries in a real browser, through a pair and alone: what a second visit costs, a page that it never saw, and the next version of a
 * script, in bytes at the socket; and that every page is what the site sent, whatever the visitor does.
 */
import { readFileSync } from "node:fs";
import { request } from "node:https";
import type { Page } from "playwright-core";
import { expect, it, onTestFinished } from "vitest";
import { startEdge } from "../../edge-side/run/daemon.ts";
import { type BlogSite, blogSite } from "../kit/blog-site.ts";
import { type Browser, startBrowser } from "../kit/browser.ts";
import { openCountingRelay } from "../kit/counting-relay.ts";
import { edgeConfigOf } from "../kit/daemons.ts";
import { openOrigin } from "../kit/fake-origin.ts";
import { CHROMIUM, describeWith } from "../kit/outside-program.ts";
import { HOST } from "../kit/real-daemons.ts";
import { makeSiteFiles, openSecurePair } from "../kit/secure-pair.ts";
import { silentLog } from "../kit/silent-log.ts";

/** Until the browser must have fetched the dictionary. */
const MOST_VISITS = 40;
const TRUSTED = { trustedProxies: ["127.0.0.0/8"] };

/** An edge before the site: where it serves HTTPS, and its certificate. */
interface Served {
  readonly port: number;
  readonly certificate: string;
}

const throughPair = async (site: BlogSite): Promise<Served> => {
  const pair = await openSecurePair({ serve: site.serve, edge: TRUSTED });
  onTestFinished(() => pair[Symbol.asyncDispose]());
  return { port: pair.https, certificate: pair.certificate };
};

const alone = async (site: BlogSite): Promise<Served> => {
  const files = makeSiteFiles();
  const web = await openOrigin(site.serve);
  const hosts = [{ host: HOST, direct: `http://127.0.0.1:${web.port}` }];
  const visitors = { listen: "127.0.0.1:0", ...files.named };
  const config = edgeConfigOf({ keys: [], hosts, visitors, ...TRUSTED });
  const edge = await startEdge(config, { log: silentLog, load: () => 0 });
  onTestFinished(async () => {
    await edge.stop();
    await web[Symbol.asyncDispose]();
    files[Symbol.dispose]();
  });
  return { port: edge.visitorsAddress.port, certificate: readFileSync(files.named.certificate, "utf8") };
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

describeWith(CHROMIUM, "dictionaries in Chromium", (chromium) => {
  it.each([
    ["through a pair", throughPair],
    ["alone", alone],
  ])("%s: pages and scripts cost what is new in them, and are what the site sent", async (_, serve) => {
    const site = blogSite();
    const served = await serve(site);
    await teach(served, "/post-1");
    await using relay = await openCountingRelay(served.port);
    await using browser: Browser = await startBrowser(chromium, served.certificate);
    const { page, complaints } = await browser.open();
    const urlOf = (path: string) => `https://${HOST}:${relay.port}${path}`;
    /** What it cost of its length, and its coding. */
    const visit = async (tab: Page, go: () => ReturnType<Page["goto"]>) => {
      const before = relay.bytes;
      const response = await go();
      const body = await response?.body();
      expect(body?.equals(site.last), "as it was sent").toBe(true);
      const shown = await tab.evaluate("document.documentElement.outerHTML.length");
      expect(shown).toBeGreaterThan(50_000);
      const coding = (await response?.allHeaders())?.["content-encoding"];
      return { part: (relay.bytes - before) / site.last.length, coding };
    };
    const goTo = (path: string, tab = page) => visit(tab, () => tab.goto(urlOf(path)));

    const first = await goTo("/post-1");
    expect(first.coding).toBe("br");
    // The browser gets the dictionary when it has nothing else to do.
    for (let visits = 0; visits < MOST_VISITS && (await goTo("/post-1")).coding !== "dcz"; visits++);
    const second = await goTo("/post-1");
    const unseen = await goTo("/post-2");
    expect([second.coding, unseen.coding]).toEqual(["dcz", "dcz"]);
    expect(second.part).toBeLessThan(0.03);
    expect(unseen.part).toBeLessThan(0.08);
    expect((await visit(page, () => page.reload())).coding).toBe("dcz");
    await page.goBack();
    expect(await page.title()).toBe("Post 1");
    const { page: tab } = await browser.open();
    expect((await goTo("/post-3", tab)).coding).toBe("dcz");
    expect((await goTo("/post-2", page)).coding).toBe("dcz");

    const script = async (version: number) => {
      const before = relay.bytes;
      const text = await page.evaluate(`fetch("/assets/app.${version}.js").then((r) => r.text())`);
      expect(text).toBe(site.last.toString());
      return (relay.bytes - before) / site.last.length;
    };
    let version = 10_000_001;
    // The browser writes what it keeps to its disk first.
    for (let visits = 0; visits < MOST_VISITS && (await script(version++)) > 0.1; visits++);
    const next = await script(version);
    expect(next).toBeLessThan(0.02);

    await browser.clearCookies();
    expect(["br", "dcz"]).toContain((await goTo("/post-1")).coding);
    expect(complaints).toEqual([]);
  });
});
