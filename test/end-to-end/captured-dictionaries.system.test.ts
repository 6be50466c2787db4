/**
 * Real applications' pages in a real browser, by site dictionary: `COILGUN_CAPTURES=FOLDER npm run test:system -- captured-dictionaries`, where the folder
 * holds captures (bench/README.md). Without it there is nothing to do.
 */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { alone, openBrowserScene, throughPair } from "../kit/browser-scene.ts";
import { capturedSite } from "../kit/captured-site.ts";
import { CHROMIUM, describeWith } from "../kit/outside-program.ts";

const FOLDER = process.env.COILGUN_CAPTURES;
const TAUGHT_PAGES = 3;

const folders =
  FOLDER === undefined
    ? []
    : readdirSync(FOLDER, { withFileTypes: true }).flatMap((each) =>
        each.isDirectory() ? [join(FOLDER, each.name)] : [],
      );

describe.runIf(folders.length > 0)("captured pages", () => {
  describeWith(CHROMIUM, "in Chromium", (chromium) => {
    it.each(
      folders.flatMap((folder) => [
        [folder, "through a pair", throughPair] as const,
        [folder, "alone", alone] as const,
      ]),
    )("%s, %s: a visit costs what is new in the page", async (folder, how, serve) => {
      const site = capturedSite(folder);
      const taught = site.pages.slice(0, TAUGHT_PAGES);
      const unseen = site.pages[TAUGHT_PAGES] ?? "/";
      const scene = await openBrowserScene(chromium, { site, serve, taught, all: true });
      for (const page of taught) await scene.untilCoded(page);
      const costs: string[] = [];
      for (const page of taught) {
        site.change();
        const again = await scene.goTo(page);
        expect(again.coding).toBe("dcz");
        expect(again.part, page).toBeLessThan(0.03);
        costs.push(`${(100 * again.part).toFixed(2)} %`);
      }
      const other = await scene.goTo(unseen);
      console.log(
        `${site.app}, ${how}: changed ${costs.join(", ")}, unseen ${(100 * other.part).toFixed(2)} %`,
      );
      expect(other.coding).toBe("dcz");
      expect(other.part).toBeLessThan(0.08);
    });
  });
});
