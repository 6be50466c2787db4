/**
 * A site before which Chromium stands, through a pair or with an edge alone: what each visit costs in bytes at the socket, and that each page is what
 * the site sent.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { request } from "node:https";
import type { Page, Response } from "playwright-core";
import { expect, onTestFinished } from "vitest";
import { type EdgeDaemon, startEdge } from "../../edge-side/run/daemon.ts";
import { type Browser, startBrowser } from "./browser.ts";
import { FIXTURE_SECRET } from "./config-fixtures.ts";
import { type CountingRelay, openCountingRelay } from "./counting-relay.ts";
import { edgeConfigOf } from "./daemons.ts";
import { openOrigin } from "./fake-origin.ts";
import { type FrontProgram, startFront } from "./front-proxy.ts";
import { HeardLog } from "./pair.ts";
import { HOST } from "./real-daemons.ts";
import { makeSiteFiles, openSecurePair, type SiteFiles } from "./secure-pair.ts";

/** What a web server sends, and what it sent last. */
export interface Site {
  readonly serve: (request: IncomingMessage, response: ServerResponse) => void;
  /** The body that was sent last of this target. */
  lastOf(target: string): Buffer;
  /** Whether what it sends to everybody though it calls it private may be in a dictionary. */
  readonly dictionaries?: "on";
  /** Scripts of its pages change them. */
  readonly scripted?: true;
}

/** An edge before the site: where it serves HTTPS, and its certificate. */
export interface Served {
  readonly port: number;
  readonly certificate: string;
  readonly edge: EdgeDaemon;
  readonly log: HeardLog;
}

/** Until the browser must have fetched the dictionary. */
export const MOST_VISITS = 40;
/** Of a short page heads would be most. */
const LEAST_PAGE_BYTES = 10_000;
const TRUSTED = { trustedProxies: ["127.0.0.0/8"] };

/** The settings of a site's host. */
const hostOf = ({ dictionaries }: Site) => ({ host: HOST, ...(dictionaries && { dictionaries }) });

export const throughPair = async (site: Site): Promise<Served> => {
  const { pair, https, certificate, ...made } = await openSecurePair({
    serve: site.serve,
    edge: { ...TRUSTED, keys: [{ id: "k", secret: FIXTURE_SECRET, hosts: [hostOf(site)] }] },
  });
  onTestFinished(() => made[Symbol.asyncDispose]());
  return { port: https, certificate, edge: pair.edge, log: pair.edgeLog };
};

const filesOf = (): SiteFiles => {
  const files = makeSiteFiles();
  onTestFinished(() => files[Symbol.dispose]());
  return files;
};

const edgeAlone = async (site: Site, visitors: object | string): Promise<Pick<Served, "edge" | "log">> => {
  const web = await openOrigin(site.serve);
  onTestFinished(() => web[Symbol.asyncDispose]());
  const hosts = [{ ...hostOf(site), direct: `http://127.0.0.1:${web.port}` }];
  const config = edgeConfigOf({ keys: [], hosts, visitors, ...TRUSTED });
  const log = new HeardLog();
  const edge = await startEdge(config, { log, load: () => 0 });
  onTestFinished(() => edge.stop());
  return { edge, log };
};

export const alone = async (site: Site): Promise<Served> => {
  const { named } = filesOf();
  const served = await edgeAlone(site, { listen: "127.0.0.1:0", ...named });
  const { port } = served.edge.visitorsAddress;
  return { port, certificate: readFileSync(named.certificate, "utf8"), ...served };
};

export const behind =
  (path: string, program: FrontProgram) =>
  async (site: Site): Promise<Served> => {
    const { named } = filesOf();
    const served = await edgeAlone(site, "127.0.0.1:0");
    const edgePort = served.edge.visitorsAddress.port;
    const front = await startFront(path, program, { edgePort, ...named });
    onTestFinished(() => front[Symbol.asyncDispose]());
    return { port: front.port, certificate: readFileSync(named.certificate, "utf8"), ...served };
  };

const NETWORKS = [1, 2, 3];

/** Visitors of three networks see a page. */
const teach = async ({ port }: Served, path: string): Promise<void> => {
  for (const network of NETWORKS) {
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

export interface Scene extends Served {
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
  /** What a version of the script cost of its length, and whether the browser asked for it with the version before as its dictionary. */
  script(version: number): Promise<{ readonly part: number; readonly isOnLast: boolean }>;
}

/** What the page is made of is what the browser makes of what the site sent. */
export const isShown = (sent: Buffer): string =>
  `new DOMParser().parseFromString(${JSON.stringify(sent.toString())}, "text/html").documentElement.outerHTML === document.documentElement.outerHTML`;

const scriptOf = (version: number): string => `/assets/app.${version}.js`;

/** `taught`: targets that three networks have seen; `all`: and have seen until the dictionary is made of all of them. */
export const openBrowserScene = async (
  chromium: string,
  {
    site,
    serve,
    taught,
    all = false,
  }: {
    readonly site: Site;
    readonly serve: (site: Site) => Promise<Served>;
    readonly taught: readonly string[];
    readonly all?: boolean;
  },
): Promise<Scene> => {
  const served = await serve(site);
  // The first dictionary may be of the first pages alone.
  const pagesTaught = () =>
    served.log.lines.findLast(({ event }) => event === "site dictionary")?.fields.pages;
  do for (const path of taught) await teach(served, path);
  while (all && Number(pagesTaught() ?? 0) < NETWORKS.length * taught.length);
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
    expect(sent.length).toBeGreaterThan(LEAST_PAGE_BYTES);
    if (!site.scripted) expect(await tab.evaluate(isShown(sent)), "as it is shown").toBe(true);
    const coding = (await response?.allHeaders())?.["content-encoding"];
    return { part: (relay.bytes - before) / sent.length, coding };
  };
  const goTo: Scene["goTo"] = (path, tab = page) =>
    visit(path, () => tab.goto(`https://${HOST}:${relay.port}${path}`), tab);
  return {
    ...served,
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
      const path = scriptOf(version);
      const responded = page.waitForResponse((response) => response.url().endsWith(path));
      const text = await page.evaluate(`fetch("${path}").then((r) => r.text())`);
      const part = (relay.bytes - before) / site.lastOf(path).length;
      expect(text).toBe(site.lastOf(path).toString());
      const asked = await (await responded).request().allHeaders();
      const last = createHash("sha256")
        .update(site.lastOf(scriptOf(version - 1)))
        .digest("base64");
      return { part, isOnLast: asked["available-dictionary"] === `:${last}:` };
    },
  };
};
