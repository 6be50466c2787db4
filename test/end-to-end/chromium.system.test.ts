/**
 * A real browser before the pair: it loads the demo site over HTTP/1.1 and over HTTPS with HTTP/2, comes back to its pages, and
 * complains of nothing.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type DemoSite, startDemoSite } from "../../bench/demo-site/site.ts";
import { type Browser, startBrowser } from "../kit/browser.ts";
import { EXPECTED, serveBrowserPage } from "../kit/browser-page.ts";
import { type EchoOrigin, openEchoOrigin } from "../kit/echo-origin.ts";
import { watchLeaks } from "../kit/leaks.ts";
import { CHROMIUM, describeWith } from "../kit/outside-program.ts";
import { HOST } from "../kit/real-daemons.ts";
import { openSecurePair, type SecurePair } from "../kit/secure-pair.ts";

watchLeaks();

/** Minutes of the demo site's time; each page is a later one. */
let moment = 100_000;
const PAGES = ["/", "/news/1", "/shop?page=2", "/account"] as const;
describeWith(CHROMIUM, "Chromium", (chromium) => {
  const undo = new AsyncDisposableStack();
  let site: DemoSite;
  let everything: EchoOrigin;
  let secure: SecurePair;
  let browser: Browser;
  beforeAll(async () => {
    site = await startDemoSite({ seed: 5, moment: () => moment++ });
    undo.defer(() => site.close());
    everything = undo.use(await openEchoOrigin({ serve: serveBrowserPage }));
    const routes = [
      { host: HOST, origin: `http://${site.address}` },
      { host: HOST, path: "/assets", origin: `http://127.0.0.1:${everything.port}` },
    ];
    secure = undo.use(await openSecurePair({ serve() {}, origin: { routes } }));
    browser = undo.use(await startBrowser(chromium));
  });
  afterAll(() => undo.disposeAsync());

  describe.each([
    ["over HTTP/1.1", "http", "http/1.1"],
    ["over HTTPS with HTTP/2", "https", "h2"],
  ] as const)("%s", (_, scheme, protocol) => {
    const urlOf = (path: string) => `${scheme}://${HOST}:${secure[scheme]}${path}`;

    it("loads every page of the demo site twice, as it was made, and says nothing against it", async () => {
      const { page, complaints } = await browser.open();
      for (const path of [...PAGES, ...PAGES]) {
        const response = await page.goto(urlOf(path));
        const sent = site.bodyOf(response?.headers()["x-request-id"] ?? "");
        expect((await response?.body())?.equals(sent ?? Buffer.alloc(0)), `${path} as it was sent`).toBe(
          true,
        );
        // The page's own script ran to its end.
        expect(await page.evaluate("window.tidewater.version")).toBe("5.12.3");
        const navigation = 'performance.getEntriesByType("navigation")[0].nextHopProtocol';
        expect(await page.evaluate(navigation)).toBe(protocol);
      }
      const departures = await page.evaluate(
        'fetch("/api/departures").then(async (r) => [r.headers.get("x-request-id"), await r.text()])',
      );
      const [id, text] = departures as [string, string];
      expect(Buffer.from(text).equals(site.bodyOf(id) ?? Buffer.alloc(0)), "the JSON as it was sent").toBe(
        true,
      );
      expect(complaints).toEqual([]);
      await page.close();
    });

    it("gets all that a page asks for: styles, modules, images, JSON, events and a WebSocket", async () => {
      const { page, complaints } = await browser.open();
      for (let visit = 0; visit < 2; visit++) {
        await page.goto(urlOf("/assets/page.html"));
        await page.waitForFunction("window.outcome !== undefined");
        expect(await page.evaluate("window.outcome")).toEqual(EXPECTED);
        const protocols = await page.evaluate(
          'performance.getEntriesByType("resource").map(({ nextHopProtocol }) => nextHopProtocol)',
        );
        expect(protocols).toHaveLength(9);
        expect(new Set(protocols as string[])).toEqual(new Set([protocol]));
      }
      expect(complaints).toEqual([]);
      await page.close();
    });
  });

  it("got its WebSockets of HTTP/2 as extended CONNECTs on the connection that it had", () => {
    const vias = everything.asked.map(({ headers }) => headers.via?.replace(/-[0-9a-f]{8}$/, ""));
    expect(vias).toEqual(["1.1 coilgun", "1.1 coilgun", "2.0 coilgun", "2.0 coilgun"]);
  });

  it("came back to pages that travelled as deltas", async () => {
    const answers: string[] = [];
    for (let count = 1; count <= 2 * (2 * PAGES.length + 1); count++) {
      const { target, answer } = await secure.pair.visited(count);
      if (target === "/") answers.push(answer ?? "");
    }
    expect(answers.slice(1).every((answer) => answer === "delta")).toBe(true);
  });
});
