/** A headless Chromium with a fresh profile that finds the host of the tests on loopback and talks to nobody else. */
import { hash, X509Certificate } from "node:crypto";
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

/** Dictionaries are offered where a connection has no error, under roots that Chromium brings. */
const trusting = (certificate: string): readonly string[] => {
  const key = new X509Certificate(certificate).publicKey.export({ type: "spki", format: "der" });
  return [
    `--ignore-certificate-errors-spki-list=${hash("sha256", key, "base64")}`,
    "--disable-features=CompressionDictionaryTransportRequireKnownRootCert",
  ];
};

export interface Browser extends AsyncDisposable {
  /** A new tab, and all that it complained about. */
  open(): Promise<{ readonly page: Page; readonly complaints: readonly string[] }>;
  /** As its user clears them: with all that a site could tell it by. */
  clearCookies(): Promise<void>;
}

/** `trusted`: a certificate in PEM that the browser takes for one of a known authority, and no other that it does not know. */
export const startBrowser = async (executablePath: string, trusted?: string): Promise<Browser> => {
  const profile = mkdtempSync(join(tmpdir(), "coilgun-browser-"));
  const context: BrowserContext = await chromium.launchPersistentContext(profile, {
    executablePath,
    args: trusted === undefined ? FLAGS : [...FLAGS, ...trusting(trusted)],
    // The tests' authority is of today, and no browser knows it.
    ignoreHTTPSErrors: trusted === undefined,
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
    async clearCookies() {
      const page = await context.newPage();
      const session = await context.newCDPSession(page);
      await session.send("Network.clearBrowserCookies");
      await page.close();
    },
    async [Symbol.asyncDispose]() {
      await context.close();
      rmSync(profile, { recursive: true, force: true });
    },
  };
};
