/**
 * A site as a content management system makes it: pages of one template, each with an article of its own, and something new in all of
 * them each time; scripts with a version in their names. What it sent last of each target can be compared.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { Random } from "./random.ts";

/** Words, as a text of some language has them: few of them often. */
const words = (seed: number, count: number): string => {
  const random = new Random(seed);
  return Array.from({ length: count }, () => {
    const number = Math.floor(random.bytes(1).readUInt8(0) ** 2 / 32) + random.bytes(1).readUInt8(0);
    return `w${number.toString(36)}`;
  }).join(" ");
};

const linesOf = (seed: number, count: number, line: (text: string, at: number) => string): string =>
  Array.from({ length: count }, (_, at) => line(words(seed * 1_000 + at, 12), at)).join("\n");

const HEAD = linesOf(1, 260, (text, at) => `<meta name="m${at}" content="${text}">`);
const MENU = linesOf(
  2,
  260,
  (text, at) => `<li class="menu-item-${at}"><a href="/post-${at}">${text}</a></li>`,
);
const FOOT = linesOf(3, 260, (text, at) => `<div class="widget-${at}"><p>${text}</p></div>`);
const SCRIPT = linesOf(4, 1_500, (text, at) => `export const f${at} = (x) => x + "${text}";`);

export interface BlogSite {
  readonly serve: (request: IncomingMessage, response: ServerResponse) => void;
  /** The body that was sent last of this target. */
  lastOf(target: string): Buffer;
}

/** It answers all that its pages fetch, as a site does that wants to count what it fetches. */
const SERVICE_WORKER = `self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
self.addEventListener("fetch", (event) => event.respondWith(fetch(event.request)));
`;

export const blogSite = (cacheControl?: string): BlogSite => {
  let made = 0;
  const sent = new Map<string, Buffer>();
  return {
    lastOf: (target) => sent.get(target) ?? Buffer.alloc(0),
    serve({ url = "/" }, response) {
      let body: Buffer;
      const script = /^\/assets\/app\.(\d+)\.js$/.exec(url)?.[1];
      if (url === "/worker.js") {
        body = Buffer.from(SERVICE_WORKER);
        response.setHeader("Content-Type", "text/javascript");
      } else if (url === "/sign-out") {
        body = Buffer.from("You are signed out.");
        response.setHeader("Clear-Site-Data", '"cookies"');
      } else if (url.startsWith("/api/")) {
        body = Buffer.from(JSON.stringify({ made: made++, posts: MENU.split("\n") }));
        response.setHeader("Content-Type", "application/json");
      } else if (script !== undefined) {
        body = Buffer.from(`${SCRIPT}\nexport const version = "${script}";\n`);
        response.setHeader("Content-Type", "text/javascript");
        response.setHeader("Cache-Control", "max-age=31536000, immutable");
      } else {
        const number = Number(/\d+/.exec(url)?.[0] ?? 0);
        const nonce = (made++ * 7_919 + 100_000).toString(36);
        const article = linesOf(100 + number, 60, (text) => `<p>${text}</p>`);
        body = Buffer.from(
          `<!doctype html><html><head><title>Post ${number}</title><link rel="icon" href="data:,">${HEAD}</head>
<body data-nonce="${nonce}"><ul>${MENU}</ul><article>${article}</article><p>Read ${made} times.</p>${FOOT}</body></html>\n`,
        );
        response.setHeader("Content-Type", "text/html; charset=utf-8");
        response.setHeader("ETag", `"${nonce}"`);
        if (cacheControl !== undefined) response.setHeader("Cache-Control", cacheControl);
      }
      sent.set(url, body);
      response.end(body);
    },
  };
};
