/** A headless Chromium with a fresh profile that finds the host of the tests on loopback and talks to nobody else. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BrowserContext, chromium, type Page } from "playwright-core";
import { HOST } from "./real-daemons.ts";

const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  // Small shared memory, as in a container, would crash its tabs.
  "--disable-dev-shm-usage",
  `--host-resolver-rules=MAP ${HOST} 127.0.0.1, EXCLUDE 127.0.0.1`,
];

export interface Browser extends AsyncDisposable {
  /** A new tab, and all that it complained about. */
  open(): Promise<{ readonly page: Page; readonly complaints: readonly string[] }>;
}

export const startBrowser = async (executablePath: string): Promise<Browser> => {
  const profile = mkdtempSync(join(tmpdir(), "coilgun-browser-"));
  const context: BrowserContext = await chromium.launchPersistentContext(profile, {
    executablePath,
    args: FLAGS,
    // The tests' authority is of today, and no browser knows it.
    ignoreHTTPSErrors: true,
    viewport: { width: 1280, height: 900 },
  });
  return {
    async open() {
      const page = await context.newPage();
      const complaints: string[] = [];
      page.on("console", (said) => {
        if (["error", "warning"].includes(said.type())) complaints.push(`${said.type()}: ${said.text()}`);
      });
      page.on("pageerror", (error) => complaints.push(`thrown: ${error.message}`));
      page.on("requestfailed", (request) => {
        const why = request.failure()?.errorText;
        // The page closed its event stream.
        if (why !== "net::ERR_ABORTED") complaints.push(`failed: ${request.url()} ${why}`);
      });
      page.on("response", (response) => {
        if (response.status() >= 400) complaints.push(`${response.status()}: ${response.url()}`);
      });
      return { page, complaints };
    },
    async [Symbol.asyncDispose]() {
      await context.close();
      rmSync(profile, { recursive: true, force: true });
    },
  };
};
