/** Whose text may be in a dictionary, who gets answers on it, and what their heads say: an edge alone, behind a proxy that ends TLS. */
import { zstdDecompressSync } from "node:zlib";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type EdgeDaemon, startEdge } from "../../../edge-side/run/daemon.ts";
import { fingerprintOf } from "../../../protocol/store/fingerprint.ts";
import { pageOf } from "../../kit/changing-site.ts";
import { edgeConfigOf } from "../../kit/daemons.ts";
import { openOrigin } from "../../kit/fake-origin.ts";
import { watchLeaks } from "../../kit/leaks.ts";
import { silentLog } from "../../kit/silent-log.ts";
import { type Asking, type Visited, visit } from "../../kit/visits.ts";

watchLeaks();

let open: AsyncDisposableStack;
beforeEach(() => {
  open = new AsyncDisposableStack();
});
afterEach(() => open.disposeAsync());

const CHROMIUM = {
  "Accept-Encoding": "gzip, br, zstd, dcb, dcz",
  "Sec-CH-UA": '"Chromium";v="156"',
  "Sec-Fetch-Dest": "document",
  "Sec-Fetch-Site": "none",
  "Sec-Fetch-Mode": "navigate",
};
const HTTPS = { "X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.9" };

interface Scene {
  readonly edge: EdgeDaemon;
  ask(path: string, headers?: Asking["headers"], method?: string): Promise<Visited>;
  /** Visitors of so many networks see the page; resolves with the path of the dictionary, if one is announced then. */
  teach(path: string, headers?: Asking["headers"], networks?: number): Promise<string | undefined>;
}

let made = 0;
const openAlone = async (
  head: Readonly<Record<string, string>> = {},
  settings: Readonly<Record<string, unknown>> = {},
): Promise<Scene> => {
  const web = open.use(
    await openOrigin((request, response) => {
      const body = pageOf(3, `${request.url} ${made++}`);
      response.setHeader("Content-Type", request.url?.startsWith("/api/") ? "application/json" : "text/html");
      response.setHeader("ETag", '"page"');
      for (const [name, value] of Object.entries(head))
        response.setHeader(name, value.replace("NUMBER", `${made}`.padStart(16, "0")));
      if (request.headers["if-none-match"] !== undefined) response.writeHead(304).end();
      else response.writeHead(200, { "Content-Length": body.length }).end(body);
    }),
  );
  const hosts = [{ host: "www.example.com", direct: `http://127.0.0.1:${web.port}`, ...settings }];
  const config = edgeConfigOf({ keys: [], hosts, trustedProxies: ["127.0.0.0/8"] });
  const edge = await startEdge(config, { log: silentLog, load: () => 0 });
  open.defer(() => edge.stop());
  const ask: Scene["ask"] = (path, headers = {}, method = "GET") => {
    const all = Object.entries({ ...HTTPS, ...CHROMIUM, ...headers });
    const sent = Object.fromEntries(all.filter(([, value]) => value !== undefined));
    return visit(edge.visitorsAddress.port, { path, method, headers: sent });
  };
  return {
    edge,
    ask,
    async teach(path, headers = {}, networks = 3) {
      for (let network = 1; network <= networks; network++)
        await ask(path, { "X-Forwarded-For": `203.${network}.113.7`, ...headers });
      await edge.siteDictionariesIdle();
      const { link } = (await ask(path)).headers;
      return /<([^>]+)>; rel="compression-dictionary"/.exec(String(link))?.[1];
    },
  };
};

const namedAs = (body: Buffer) => ({
  "Available-Dictionary": `:${Buffer.from(fingerprintOf(body), "latin1").toString("base64")}:`,
});

/** The dictionary itself, as a browser fetches it. */
const fetched = async ({ ask }: Scene, path: string | undefined): Promise<Buffer> => {
  const { status, body, headers } = await ask(path ?? "/none", { "Accept-Encoding": "identity" });
  expect(status).toBe(200);
  expect(headers).toMatchObject({
    "cache-control": "private, max-age=21600, immutable",
    "use-as-dictionary": 'match="/*"',
    "cross-origin-resource-policy": "same-origin",
  });
  return body;
};

it("an answer on the site's dictionary is the page, with a head that says so; HEAD, 304 and parts agree", async () => {
  const scene = await openAlone();
  const dictionary = await fetched(scene, await scene.teach("/a"));
  const available = namedAs(dictionary);
  const { headers, body } = await scene.ask("/a", available);
  expect(headers).toMatchObject({
    "content-encoding": "dcz",
    vary: "Accept-Encoding, Available-Dictionary",
    "cache-control": "private",
    etag: 'W/"page"',
  });
  expect(headers["accept-ranges"]).toBeUndefined();
  expect(headers["content-length"]).toBe(String(body.length));
  expect(body.length).toBeLessThan(200);
  const page = zstdDecompressSync(body.subarray(40), { dictionary });
  expect(page.equals(pageOf(3, `/a ${made - 1}`))).toBe(true);
  const asHead = await scene.ask("/a", available, "HEAD");
  expect(asHead.headers).toMatchObject({ "content-encoding": "dcz", vary: headers.vary, etag: headers.etag });
  const same = await scene.ask("/a", { ...available, "If-None-Match": 'W/"page"' });
  expect([same.status, same.headers.vary]).toEqual([304, headers.vary]);
});

it("whoever takes no dictionaries gets the same as without them", async () => {
  const scene = await openAlone();
  await scene.teach("/a");
  const plain = { "Sec-CH-UA": undefined, "Sec-Fetch-Dest": undefined, "Accept-Encoding": "gzip, br" };
  const { headers } = await scene.ask("/a", plain);
  expect(headers).toMatchObject({ "content-encoding": "br", vary: "Accept-Encoding" });
  expect([headers.link, headers["cache-control"]]).toEqual([undefined, undefined]);
});

it.each<[string, Parameters<typeof openAlone>, Parameters<Scene["teach"]>]>([
  ["two networks", [], ["/a", {}, 2]],
  ["visitors with a session", [], ["/a", { Cookie: "session=0123456789abcdef" }]],
  ["visitors with Authorization", [], ["/a", { Authorization: "Bearer 0123456789abcdef" }]],
  ["private pages", [{ "Cache-Control": "private" }], ["/a"]],
  ["no-store pages", [{ "Cache-Control": "no-store" }], ["/a"]],
  ["pages that set a cookie", [{ "Set-Cookie": "session=0123456789abcdef" }], ["/a"]],
  ["a URL that is a secret itself", [], ["/reset/9f8e7d6c5b4a39281706f5e4d3c2b1a0"]],
  ["plain HTTP", [], ["/a", { "X-Forwarded-Proto": "http" }]],
  ["a host that wants none", [{}, { dictionaries: "off" }], ["/a"]],
  [
    "a host without secrets, but with sessions",
    [{}, { bases: "site" }],
    ["/a", { Cookie: "session=0123456789abcdef" }],
  ],
])("nothing is published of %s", async (_, scene, teach) => {
  expect(await (await openAlone(...scene)).teach(...teach)).toBeUndefined();
});

it.each([
  ["say private to everybody", { "Cache-Control": "private, no-store" }],
  ["give a session to whoever has none", { "Set-Cookie": "session=NUMBER", "Cache-Control": "no-store" }],
  ["give a session, and say nothing else", { "Set-Cookie": "session=NUMBER" }],
])("of pages that %s only where the operator says so", async (_, heads) => {
  const scene = await openAlone(heads, { dictionaries: "on" });
  const dictionary = await fetched(scene, await scene.teach("/a"));
  expect((await scene.ask("/a", namedAs(dictionary))).headers["content-encoding"]).toBe("dcz");
});

it("is made of JSON too, and for what scripts and service workers fetch; not for files", async () => {
  const scene = await openAlone();
  await scene.teach("/api/a");
  const { link } = (await scene.ask("/page")).headers;
  const dictionary = await fetched(scene, /<([^>]+)>/.exec(String(link))?.[1]);
  const codingFor = async (more: Asking["headers"]) => {
    const asked = {
      "Sec-Fetch-Site": "same-origin",
      "Sec-Fetch-Mode": "cors",
      ...namedAs(dictionary),
      ...more,
    };
    return (await scene.ask("/api/a", asked)).headers["content-encoding"];
  };
  const Cookie = "session=0123456789abcdef";
  const codings = [
    await codingFor({ "Sec-Fetch-Dest": "empty" }),
    await codingFor({ "Sec-Fetch-Dest": "empty", Cookie }),
    await codingFor({ "Sec-Fetch-Dest": "empty", "Sec-Fetch-Site": "same-site" }),
    await codingFor({ "Sec-Fetch-Dest": "style" }),
  ];
  expect(codings).toEqual(["dcz", "dcz", "br", "br"]);
});

it("it holds nothing that one network alone was sent", async () => {
  const scene = await openAlone();
  const dictionary = await fetched(scene, await scene.teach("/a"));
  expect(dictionary.includes("<li>")).toBe(true);
  expect(/\/a \d/.test(dictionary.toString())).toBe(false);
});

it("is gone at forget", async () => {
  const scene = await openAlone();
  const path = await scene.teach("/a");
  const dictionary = await fetched(scene, path);
  await scene.edge.forget({ host: "www.example.com", url: "/a" });
  expect((await scene.ask(path ?? "")).status).toBe(404);
  expect((await scene.ask("/a", namedAs(dictionary))).headers["content-encoding"]).toBe("br");
});

it("a version of somebody else's session is no dictionary, one of the visitor's own is", async () => {
  const scene = await openAlone({ "Cache-Control": "private" });
  const [mine, other] = ["session=0123456789abcdef", "session=fedcba9876543210"];
  const { body } = await scene.ask("/a", { Cookie: mine, "Accept-Encoding": "identity" });
  const codings = [];
  for (const Cookie of [mine, other, undefined])
    codings.push((await scene.ask("/a", { Cookie, ...namedAs(body) })).headers["content-encoding"]);
  expect(codings).toEqual(["dcz", "br", "br"]);
});
