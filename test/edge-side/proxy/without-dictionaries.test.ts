/**
 * Who takes no dictionaries gets to the byte what a host without them gives, head and body, whatever others have taught the edge; and a
 * request that names dictionaries without end, or wrongly, is answered as one that names none, without any work for it.
 */
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type EdgeDaemon, startEdge } from "../../../edge-side/run/daemon.ts";
import { pageOf } from "../../kit/changing-site.ts";
import { edgeConfigOf } from "../../kit/daemons.ts";
import { type FakeOrigin, openOrigin } from "../../kit/fake-origin.ts";
import { watchLeaks } from "../../kit/leaks.ts";
import { silentLog } from "../../kit/silent-log.ts";
import { type Visited, visit } from "../../kit/visits.ts";

watchLeaks();

type Fields = Readonly<Record<string, string>>;

const HTTPS = { "X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.9" };
const CHROMIUM = {
  "Accept-Encoding": "gzip, br, zstd, dcb, dcz",
  "Sec-CH-UA": '"Chromium";v="156"',
  "Sec-Fetch-Dest": "document",
  "Sec-Fetch-Site": "none",
  "Sec-Fetch-Mode": "navigate",
};
const HASH = `:${Buffer.alloc(32, 7).toString("base64")}:`;

const OTHERS: readonly (readonly [string, Fields])[] = [
  ["curl", { "User-Agent": "curl/8.14.1", Accept: "*/*" }],
  [
    "curl --compressed",
    { "User-Agent": "curl/8.14.1", Accept: "*/*", "Accept-Encoding": "deflate, gzip, br, zstd" },
  ],
  [
    "Firefox",
    {
      "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
      Accept: "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
      "Accept-Language": "en-GB,en;q=0.8",
      "Accept-Encoding": "gzip, deflate, br, zstd",
      "Sec-Fetch-Dest": "document",
      "Sec-Fetch-Mode": "navigate",
      "Sec-Fetch-Site": "none",
      "Sec-Fetch-User": "?1",
      Priority: "u=0, i",
    },
  ],
  [
    "Safari",
    {
      "User-Agent":
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.4 Safari/605.1.15",
      Accept: "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
      "Accept-Language": "en-GB,en;q=0.9",
      "Accept-Encoding": "gzip, deflate, br",
      "Sec-Fetch-Dest": "document",
      "Sec-Fetch-Mode": "navigate",
      "Sec-Fetch-Site": "none",
      Priority: "u=0, i",
    },
  ],
];

const FILES = [
  ["/page", "text/html", undefined],
  ["/app.3f9a1c07.js", "text/javascript", "max-age=31536000, immutable"],
] as const;

let open: AsyncDisposableStack;
let web: FakeOrigin;
let codes: boolean;
const edges = new Map<"auto" | "off", EdgeDaemon>();
beforeEach(async () => {
  open = new AsyncDisposableStack();
  codes = false;
  web = open.use(
    await openOrigin(({ url = "", headers }, response) => {
      const [, type, kept] = FILES.find(([path]) => path === url) ?? FILES[0];
      const body = pageOf(3, url);
      const coded = codes && headers["accept-encoding"]?.includes("gzip") ? gzipSync(body) : undefined;
      response.setHeader("Date", "Sun, 29 Nov 2026 12:00:00 GMT").setHeader("Content-Type", type);
      response.setHeader("ETag", '"one"').setHeader("Vary", "Accept-Encoding");
      if (kept !== undefined) response.setHeader("Cache-Control", kept);
      if (coded !== undefined) response.setHeader("Content-Encoding", "gzip");
      response.end(coded ?? body);
    }),
  );
  for (const dictionaries of ["auto", "off"] as const) {
    const hosts = [{ host: "www.example.com", direct: `http://127.0.0.1:${web.port}`, dictionaries }];
    const config = edgeConfigOf({ keys: [], hosts, trustedProxies: ["127.0.0.0/8"] });
    const edge = await startEdge(config, { log: silentLog, load: () => 0 });
    open.defer(() => edge.stop());
    edges.set(dictionaries, edge);
  }
});
afterEach(() => open.disposeAsync());

const ask = (dictionaries: "auto" | "off", path: string, headers: Fields): Promise<Visited> => {
  const port = edges.get(dictionaries)?.visitorsAddress.port ?? 0;
  return visit(port, { path, headers: { ...HTTPS, ...headers } });
};

/** Three networks of Chromium see a page, so that there is a dictionary. */
const teach = async (path: string): Promise<void> => {
  for (const network of [1, 2, 3])
    await ask("auto", path, { ...CHROMIUM, "X-Forwarded-For": `203.${network}.113.7` });
  await edges.get("auto")?.siteDictionariesIdle();
  expect((await ask("auto", path, CHROMIUM)).headers.link).toContain("compression-dictionary");
};

const shown = ({ status, fields, body }: Visited) => ({ status, fields, body: body.toString("hex") });

describe.each([
  ["plain", false],
  ["gzip", true],
] as const)("of a web server that sends %s", (_, coding) => {
  it.each(OTHERS)("%s gets what it got before", async (_name, headers) => {
    codes = coding;
    await teach("/page");
    for (const path of ["/page", "/app.3f9a1c07.js", "/other"]) {
      const [now, before] = [await ask("auto", path, headers), await ask("off", path, headers)];
      expect(shown(now)).toEqual(shown(before));
    }
  });
});

describe("what names no dictionary that is here costs nothing and changes nothing", () => {
  it.each([
    ["an unknown hash", HASH],
    ["hashes without end", Array.from({ length: 100 }, () => HASH).join(", ")],
    ["a hash that is too short", `:${Buffer.alloc(20).toString("base64")}:`],
    ["a hash of 8 KB", `:${"A".repeat(8_000)}:`],
    ["no structured field", "\t::,;;=:::"],
  ])("%s", async (_, said) => {
    await teach("/page");
    const asked = web.asked.length;
    const [plain, named] = [
      await ask("auto", "/page", CHROMIUM),
      await ask("auto", "/page", { ...CHROMIUM, "Available-Dictionary": said, "Dictionary-ID": '"x"' }),
    ];
    expect(shown(named)).toEqual(shown(plain));
    expect(web.asked.length).toBe(asked + 2);
  });
});
