/** A file's next version on the one before it, by an edge alone: what heads, HEAD, 304, parts and `no-transform` make of it. */
import { zstdDecompressSync } from "node:zlib";
import { afterEach, beforeEach, expect, it } from "vitest";
import { startEdge } from "../../../edge-side/run/daemon.ts";
import { fingerprintOf } from "../../../protocol/store/fingerprint.ts";
import { edgeConfigOf } from "../../kit/daemons.ts";
import { type FakeOrigin, openOrigin } from "../../kit/fake-origin.ts";
import { watchLeaks } from "../../kit/leaks.ts";
import { Random } from "../../kit/random.ts";
import { silentLog } from "../../kit/silent-log.ts";
import { type Visited, visit } from "../../kit/visits.ts";

watchLeaks();

type Fields = Readonly<Record<string, string>>;

const CODE = new Random(5).bytes(6_000).toString("base64");
const versionOf = (target: string): Buffer => Buffer.from(`// ${target}\n${CODE}\n`);
const [OLD, NEW, OWN] = ["/app.10000001.js", "/app.10000002.js", "/table"] as const;

let open: AsyncDisposableStack;
let web: FakeOrigin;
let port: number;
let more: Fields;
beforeEach(async () => {
  open = new AsyncDisposableStack();
  more = {};
  web = open.use(
    await openOrigin(({ url = "", headers }, response) => {
      const body = versionOf(url);
      const fields = {
        "Content-Type": "text/javascript",
        "Cache-Control": "max-age=31536000",
        ETag: '"file"',
        ...more,
      };
      const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? "") ?? [];
      if (headers["if-none-match"] !== undefined) response.writeHead(304, fields).end();
      else if (first === undefined) response.writeHead(200, fields).end(body);
      else {
        const range = `bytes ${first}-${last}/${body.length}`;
        response
          .writeHead(206, { ...fields, "Content-Range": range })
          .end(body.subarray(Number(first), Number(last) + 1));
      }
    }),
  );
  await reopen();
});
afterEach(() => open.disposeAsync());

/** Another edge, with these settings of its host. */
const reopen = async (settings: Readonly<Record<string, unknown>> = {}): Promise<void> => {
  const hosts = [{ host: "www.example.com", direct: `http://127.0.0.1:${web.port}`, ...settings }];
  const config = edgeConfigOf({ keys: [], hosts, trustedProxies: ["127.0.0.0/8"] });
  const edge = await startEdge(config, { log: silentLog, load: () => 0 });
  open.defer(() => edge.stop());
  port = edge.visitorsAddress.port;
};

const ask = (path: string, headers: Fields = {}, method = "GET"): Promise<Visited> =>
  visit(port, {
    path,
    method,
    headers: {
      "X-Forwarded-Proto": "https",
      "X-Forwarded-For": "203.0.113.9",
      "Accept-Encoding": "gzip, br, zstd, dcb, dcz",
      "Sec-CH-UA": '"Chromium";v="156"',
      "Sec-Fetch-Site": "same-origin",
      ...headers,
    },
  });

const hasOld = (target: string = OLD): Fields => ({
  "Available-Dictionary": `:${Buffer.from(fingerprintOf(versionOf(target)), "latin1").toString("base64")}:`,
});

it("costs what is new, and its head says so; HEAD and 304 say the same", async () => {
  const first = await ask(OLD);
  expect(first.headers["use-as-dictionary"]).toBe('match="/app.*.js"');
  const { headers, body } = await ask(NEW, hasOld());
  expect(headers).toMatchObject({
    "content-encoding": "dcz",
    vary: "Accept-Encoding, Available-Dictionary",
    "cache-control": "max-age=31536000, private",
    etag: 'W/"file"',
    "use-as-dictionary": 'match="/app.*.js"',
  });
  expect(body.length).toBeLessThan(150);
  const dictionary = versionOf(OLD);
  expect(zstdDecompressSync(body.subarray(40), { dictionary }).equals(versionOf(NEW))).toBe(true);
  const same = ["content-encoding", "vary", "cache-control", "etag"];
  const asHead = await ask(NEW, hasOld(), "HEAD");
  expect(same.map((name) => asHead.headers[name])).toEqual(same.map((name) => headers[name]));
  const unchanged = await ask(NEW, { ...hasOld(), "If-None-Match": 'W/"file"' });
  expect([unchanged.status, unchanged.headers.etag]).toEqual([304, 'W/"file"']);
});

it("is for caches to keep where the front heeds Vary, whatever field speaks to them; HEAD and 304 say the same", async () => {
  await reopen({ frontHeedsVary: true });
  more = { "CDN-Cache-Control": "max-age=60", "Cache-Control": "public, max-age=31536000" };
  await ask(OLD);
  const said = {
    vary: "Accept-Encoding, Available-Dictionary",
    "cache-control": "public, max-age=31536000",
    "cdn-cache-control": "max-age=60",
  };
  const { headers } = await ask(NEW, hasOld());
  expect(headers).toMatchObject({ ...said, "content-encoding": "dcz" });
  expect((await ask(NEW, hasOld(), "HEAD")).headers).toMatchObject({ ...said, "content-encoding": "dcz" });
  const unchanged = await ask(NEW, { ...hasOld(), "If-None-Match": 'W/"file"' });
  expect([unchanged.status, unchanged.headers]).toMatchObject([304, said]);
});

it("one that the web server names a dictionary itself is one, whatever its name", async () => {
  more = { "Use-As-Dictionary": 'match="/table*", id="t"' };
  expect((await ask(OWN)).headers["use-as-dictionary"]).toBe('match="/table*", id="t"');
  const { headers, body } = await ask(`${OWN}2`, { ...hasOld(OWN), "Dictionary-ID": '"t"' });
  expect([headers["content-encoding"], body.length < 150]).toEqual(["dcz", true]);
});

it.each<[string, Fields, Fields]>([
  ["no-transform in the response", { "Cache-Control": "max-age=31536000, no-transform" }, {}],
  ["no-transform in the request", {}, { "Cache-Control": "no-transform" }],
  ["a coding of the web server's own", { "Content-Encoding": "exi" }, {}],
  ["a cache that heeds a field of its own", { "CDN-Cache-Control": "max-age=60" }, {}],
])("%s: there is none", async (_, answers, asks) => {
  await ask(OLD);
  more = answers;
  const { headers } = await ask(NEW, { ...hasOld(), ...asks });
  expect(headers["content-encoding"]).not.toBe("dcz");
  expect(headers.vary ?? "").not.toContain("Available-Dictionary");
});

it("a part is one of the file as it is, under its own tag", async () => {
  await ask(OLD);
  const { status, headers, body } = await ask(NEW, { ...hasOld(), Range: "bytes=3-22" });
  expect([status, headers.etag, headers["content-encoding"]]).toEqual([206, '"file"', undefined]);
  expect(body.equals(versionOf(NEW).subarray(3, 23))).toBe(true);
});
