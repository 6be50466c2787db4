/** What `check` says of the headers of a page, for a web server that answers by a script. */
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, expect, it } from "vitest";
import { adviseSaving } from "../../../origin-side/command/advise-saving.ts";
import { checkOrigin } from "../../../origin-side/command/check.ts";
import { printFinding } from "../../../protocol/daemon/findings.ts";
import { systemClock } from "../../../protocol/runtime/clock.ts";
import { FIXTURE_SECRET } from "../../kit/config-fixtures.ts";
import { FakeClock } from "../../kit/fake-clock.ts";
import { watchLeaks } from "../../kit/leaks.ts";
import { Random } from "../../kit/random.ts";

watchLeaks();

const folder = mkdtempSync(join(tmpdir(), "coilgun-saving-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** What `check` says of the page at `/`, a finding a line, without the name of the route and the server. */
const saidOf = async (serve: RequestListener, limits = ""): Promise<string> => {
  const server = createServer(serve);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const file = join(folder, "origin.yaml");
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  writeFileSync(
    file,
    `edges: [{ address: "127.0.0.1:1", key: { id: k, secret: ${FIXTURE_SECRET} } }]
routes: [{ host: www.example.com, origin: "${origin}" }]\n${limits}`,
    { mode: 0o600 },
  );
  try {
    const findings = await checkOrigin(file, { clock: systemClock, tryEdge: async () => {} });
    expect(findings.filter(({ outcome }) => outcome === "problem")).toEqual([]);
    const lines = findings.filter(({ what }) => what.includes("GET "));
    return lines.map((each) => printFinding(each).replace(/route .*GET/, "GET")).join("\n");
  } finally {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  }
};

const chance = new Random(20_261_129);
const LIST = Array.from({ length: 80 }, (_, i) => `<li>${chance.bytes(9).toString("hex")} ${i}</li>`).join(
  "",
);

type Fields = Readonly<Record<string, string | string[]>>;

/** A page with these fields; the same bytes each time unless it `changes`. */
const serving = (
  fieldsOf: (visit: number, request: IncomingMessage) => Fields,
  changes = false,
): RequestListener => {
  let visit = 0;
  return (request, response) => {
    if (request.method !== "GET") return response.end();
    visit++;
    for (const [name, value] of Object.entries({ "Content-Type": "text/html", ...fieldsOf(visit, request) }))
      response.setHeader(name, value);
    response.end(`<ul>${LIST}</ul>${changes ? visit : ""}`);
  };
};

const SESSION = "0f8e7d6c5b4a39281706f5e4d3c2b1a";

it.each<[string, Fields | ((visit: number) => Fields), RegExp[], RegExp[]]>([
  ["nothing", {}, [/^ok .* one visitor's is the next one's base$/m, /same \d+ bytes again/], [/warning/]],
  [
    "private",
    { "Cache-Control": "private" },
    [/^warning .*says private to everybody.*\n.*trustedProxies.*bases: site/m],
    [/noStoreTime/],
  ],
  [
    "no-store",
    { "Cache-Control": "no-store, private" },
    [/^warning .*says no-store to everybody.*store\.noStoreTime\n.*let the site say no-store/m],
    [],
  ],
  ["a harmless cookie", { "Set-Cookie": "_ga=GA1.2.3.4; Path=/" }, [/next one's base/], [/_ga|warning/]],
  [
    "a cookie, once",
    (visit) => (visit === 1 ? { "Set-Cookie": `sid=${SESSION}` } : {}),
    [/^ok .*sets sid once/m],
    [/warning/],
  ],
  [
    "a cookie, the same each time",
    { "Set-Cookie": [`sid=${SESSION}; Path=/`, "lang=en"] },
    [/^warning .*sets sid, lang in each answer, so that all are personal\n.*harmlessCookies/m],
    [new RegExp(SESSION), /next one's base/],
  ],
  [
    "a cookie, renewed each time",
    (visit) => ({ "Set-Cookie": `sid=${SESSION}${visit}` }),
    [
      /^warning .*renews sid with each answer, so that all are personal; the session goes on.*\n.*harmlessCookies/m,
    ],
    [],
  ],
  [
    "a short cookie that changes",
    (visit) => ({ "Set-Cookie": `seen=${visit}` }),
    [/^warning .*renews seen with each answer, which may be a login each time/m],
    [],
  ],
  ["Vary", { Vary: "Accept-Encoding, Cookie" }, [/^ok .*varies by Cookie:/m], [/warning/]],
  [
    "another ETag each time",
    (visit) => ({ ETag: `"v${visit}"` }),
    [/^warning .*another ETag each time.*304\n.*bytes alone/m],
    [],
  ],
  ["an ETag of its own", { ETag: '"v1"' }, [/^ok .*ETag of its own \(4 bytes\)/m], [/warning/]],
  [
    "a type that is compressed",
    { "Content-Type": "image/png" },
    [/^ok .*is image\/png: it passes/m],
    [/base/],
  ],
  ["events", { "Content-Type": "text/event-stream" }, [/^ok .*stream of events/m], [/base/]],
])("says of a page with %s what it means", async (_, fields, saying, silentOf) => {
  const said = await saidOf(serving((visit) => (typeof fields === "function" ? fields(visit) : fields)));
  for (const words of saying) expect(said).toMatch(words);
  for (const words of silentOf) expect(said).not.toMatch(words);
});

it("comes again with the cookies that it was given", async () => {
  const cookies: (string | undefined)[] = [];
  await saidOf(
    serving((visit, { headers }) => {
      cookies.push(headers.cookie);
      return visit === 1 ? { "Set-Cookie": [`sid=${SESSION}; HttpOnly`, "lang=en", "old=; Max-Age=0"] } : {};
    }),
  );
  expect(cookies).toEqual([undefined, `sid=${SESSION}; lang=en`]);
});

it("says what a page that changes costs by itself, and on top of the one before", async () => {
  const [, bytes, whole, delta] =
    /changes with each visit: (\d+) bytes cost (\d+) on the link, and (\d+) on top/.exec(
      await saidOf(serving(() => ({}), true)),
    ) ?? [];
  expect(Number(bytes)).toBeGreaterThan(1_500);
  expect(Number(whole)).toBeGreaterThan(500);
  expect(Number(delta)).toBeLessThan(40);
});

it("undoes a coding, and says where it may not", async () => {
  const coded =
    (more: Fields): RequestListener =>
    (_, response) => {
      const body = gzipSync(`<ul>${LIST}</ul>`);
      response.writeHead(200, { "Content-Type": "text/html", "Content-Encoding": "gzip", ...more }).end(body);
    };
  expect(await saidOf(coded({}))).toMatch(/same 2\d{3} bytes again/);
  expect(await saidOf(coded({ "Cache-Control": "no-transform" }))).toMatch(
    /^warning .*comes coded \(gzip\) and must stay so.*\n.*askEncoded: no/m,
  );
});

it("follows a redirect within the site, and says nothing of the saving where there is no page", async () => {
  const redirects: RequestListener = (request, response) =>
    request.url === "/"
      ? response.writeHead(302, { Location: "/en/" }).end()
      : serving(() => ({}))(request, response);
  expect(await saidOf(redirects)).toMatch(/next one's base/);
  const around: RequestListener = ({ url }, response) =>
    response.writeHead(302, { Location: `${url}a` }).end();
  expect(await saidOf(around)).toMatch(/^ok .*answers 302: nothing to save/);
  expect(await saidOf((_, response) => response.writeHead(404).end("no"))).toMatch(
    /^ok .*answers 404: nothing/,
  );
});

it("says of a page that is larger than one may be what to set, and reads no further", async () => {
  const endless: RequestListener = ({ method }, response) => {
    response.setHeader("Content-Type", "text/html");
    if (method === "HEAD") return response.end();
    const more = () => {
      while (!response.destroyed && response.write("x".repeat(16_384)));
    };
    response.on("drain", more);
    more();
  };
  expect(await saidOf(endless, "limits: { pageBytes: 64 KiB }")).toMatch(
    /^warning .*larger than limits.pageBytes.*\n.*limits\.pageBytes larger/,
  );
});

it("says of a small page that it passes", async () => {
  expect(await saidOf((_, response) => response.end("ok"))).toMatch(/^ok .*fewer than 64 bytes/);
});

it("says of a page that breaks off that it does, and fails for nothing", async () => {
  const broken: RequestListener = ({ method }, response) => {
    response.writeHead(200, { "Content-Length": "500" });
    if (method === "HEAD") response.end();
    else response.write("x", () => response.destroy());
  };
  expect(await saidOf(broken)).toMatch(/^warning .*fails, though HEAD is answered/);
});

it("waits no longer for the page than its bound, and says how slow it is", async () => {
  const clock = new FakeClock();
  const silent = (_: unknown, signal: AbortSignal) =>
    new Promise<never>((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  const waiting = adviseSaving("server", "/", silent, { clock, withinMs: 1_000 });
  await clock.advance(1_000);
  expect((await waiting).map(printFinding).join()).toMatch(/^warning .*not here twice within 1000 ms/);

  const head = { status: 200, reason: "OK", fields: ["Content-Type", "text/html"] };
  const slow = async () => ({ head, body: Buffer.from(LIST), bodyMs: 900 });
  const said = await adviseSaving("server", "/", slow, { clock, withinMs: 1_000 });
  expect(said.map(printFinding).join("\n")).toMatch(/^ok .*takes 900 ms .*streams, and starts at once/m);
});
