/** The page at `/` of the admin listener in a real browser: it shows what is counted, changes with it, and complains of nothing. */
import axe from "axe-core";
import { expect, it } from "vitest";
import { startBrowser } from "../kit/browser.ts";
import { CHROMIUM, describeWith } from "../kit/outside-program.ts";
import { serveAt, watchedOf } from "../protocol/admin/watched.ts";

const FLAWS =
  'axe.run().then(({ violations }) => violations.map(({ id, nodes }) => id + ": " + nodes[0].html))';

describeWith(CHROMIUM, "the page of the admin listener", (chromium) => {
  it("shows the state live, and fits, in both colour schemes and at three widths", async () => {
    const watched = watchedOf();
    const visit = { host: "www.example.com", target: "/<img src=x>", answer: "delta", pageBytes: 10_000 };
    watched.traffic.note(visit, 100);
    const { admin } = await serveAt(
      [{ address: { host: "127.0.0.1", port: 0 }, token: undefined, hosts: [] }],
      { watched },
    );
    await using browser = await startBrowser(chromium);
    const { page, complaints } = await browser.open();
    await page.goto(`http://127.0.0.1:${admin.addresses[0]?.port}/`);
    await page.getByText("99.0 %").first().waitFor();
    // What a visitor named is text.
    await page.getByText("www.example.com/<img src=x>").waitFor();
    watched.traffic.note({ ...visit, target: "/later" }, 100);
    await page.getByText("www.example.com/later").waitFor();
    expect(await page.getByRole("img").getAttribute("aria-label")).toMatch(/^2 visits: 19.5 KiB of pages/);
    await page.evaluate(axe.source);
    for (const width of [390, 900, 1600]) {
      await page.setViewportSize({ width, height: 900 });
      expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(width);
      for (const colorScheme of ["light", "dark"] as const) {
        await page.emulateMedia({ colorScheme });
        expect([width, colorScheme, await page.evaluate(FLAWS)]).toEqual([width, colorScheme, []]);
      }
    }
    expect(complaints).toEqual([]);
    watched.traffic.stop();
    await admin.close();
  });
});
