/**
 * Who has a page, and asks whether it is still the one, hears through the pair what the web server itself would say: by how
 * servers of each kind make their validators, and compare them. RFC 9110 section 13.1, SPEC section "Encodings".
 */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { type IncomingHttpHeaders, type IncomingMessage, request, type ServerResponse } from "node:http";
import { buffer } from "node:stream/consumers";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { pageOf } from "../kit/changing-site.ts";
import { openHttp2 } from "../kit/http2-visitor.ts";
import { watchLeaks } from "../kit/leaks.ts";
import { HOST } from "../kit/raw-requests.ts";
import { openSecurePair, type SecurePair } from "../kit/secure-pair.ts";

watchLeaks();

const PAGE = pageOf(7, "not modified");
const MD5 = createHash("md5").update(PAGE).digest("hex");
const DATE = "Sun, 01 Nov 2026 10:00:00 GMT";

interface Kind {
  /** For who accepts gzip, or not. */
  tag?(gzip: boolean): string;
  readonly date?: string;
  /** Codes its pages itself. */
  readonly codes?: true;
  isSame(asked: IncomingHttpHeaders): boolean;
  /** Of its 304. */
  readonly more?: Readonly<Record<string, string>>;
}

const members = (asked: IncomingHttpHeaders): string[] =>
  asked["if-none-match"]?.split(",").map((member) => member.trim()) ?? [];
const since = (asked: IncomingHttpHeaders): number => Date.parse(asked["if-modified-since"] ?? "");
const isAsked = (tag: string) => (asked: IncomingHttpHeaders) => asked["if-none-match"] === tag;

/** Kinds of comparison, and who does so. */
const KINDS: Readonly<Record<string, Kind>> = {
  "one strong tag and the date, both (WordPress feeds)": {
    tag: () => `"${MD5}"`,
    date: DATE,
    isSame: (asked) => asked["if-none-match"] === `"${MD5}"` && since(asked) >= Date.parse(DATE),
  },
  "one strong tag and the date as texts (DokuWiki)": {
    tag: () => `"${MD5}"`,
    date: DATE,
    isSame: (asked) => asked["if-none-match"] === `"${MD5}"` && asked["if-modified-since"] === DATE,
  },
  "strong tags of a list (CherryPy, Mojolicious, Sinatra)": {
    tag: () => `"${MD5}"`,
    isSame: (asked) => members(asked).includes(`"${MD5}"`),
  },
  "one weak tag as a text (Rack, Rails, Jetty)": { tag: () => `W/"${MD5}"`, isSame: isAsked(`W/"${MD5}"`) },
  "a tag without its W/ (Express, Koa)": {
    tag: () => `W/"${MD5}"`,
    isSame: (asked) => members(asked).some((member) => member.replace(/^W\//, "") === `"${MD5}"`),
  },
  "a tag without quotes (Starlette, inets)": { tag: () => MD5, isSame: isAsked(MD5) },
  "a tag that names the coding (Apache, lighttpd)": {
    tag: (gzip) => `"${MD5}${gzip ? "-gzip" : ""}"`,
    codes: true,
    isSame: (asked) =>
      asked["if-none-match"] === `"${MD5}${/gzip/.test(asked["accept-encoding"] ?? "") ? "-gzip" : ""}"`,
  },
  "the date alone, as a text (nginx)": { date: DATE, isSame: (asked) => asked["if-modified-since"] === DATE },
  "the date alone, by time (Apache)": { date: DATE, isSame: (asked) => since(asked) >= Date.parse(DATE) },
  "with a length in its 304 (fastify)": {
    tag: () => `"${MD5}"`,
    isSame: isAsked(`"${MD5}"`),
    more: { "Content-Length": "0" },
  },
};
const NAMES = Object.keys(KINDS);

const serve = ({ url = "", headers }: IncomingMessage, response: ServerResponse): void => {
  const kind = KINDS[NAMES[Number(url.slice(1))] ?? ""];
  if (kind === undefined) return void response.writeHead(404).end();
  const gzip = kind.codes === true && /gzip/.test(headers["accept-encoding"] ?? "");
  const { tag, date, more } = kind;
  const fields = {
    "Content-Type": "text/html",
    ...(tag !== undefined && { ETag: tag(gzip) }),
    ...(date !== undefined && { "Last-Modified": date }),
    ...(gzip && { "Content-Encoding": "gzip" }),
  };
  if (kind.isSame(headers)) return void response.writeHead(304, { ...fields, ...more }).end();
  response.writeHead(200, fields).end(gzip ? gzipSync(PAGE) : PAGE);
};

let secure: SecurePair;
let session: Awaited<ReturnType<typeof openHttp2>>;
beforeAll(async () => {
  secure = await openSecurePair({ serve });
  session = await openHttp2(secure);
});
afterAll(async () => {
  await session[Symbol.asyncDispose]();
  await secure[Symbol.asyncDispose]();
});

interface Got {
  readonly status: number;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly body: Buffer;
}
type Visit = (path: string, fields: Readonly<Record<string, string>>) => Promise<Got>;

const overHttp1 =
  (port: () => number): Visit =>
  async (path, fields) => {
    const headers = { Host: HOST, Connection: "close", ...fields };
    const outgoing = request({ host: "127.0.0.1", port: port(), path, headers }).end();
    const [incoming] = (await once(outgoing, "response")) as [IncomingMessage];
    return { status: incoming.statusCode ?? 0, fields: incoming.headers, body: await buffer(incoming) };
  };

const overHttp2: Visit = async (path, fields) => {
  const { stream, status, fields: got } = await session.begin({ ":path": path, ...fields });
  return { status, fields: got, body: await buffer(stream) };
};

const WAYS: Readonly<Record<string, Visit>> = {
  directly: overHttp1(() => secure.pair.web.port),
  "over HTTP/1.1": overHttp1(() => secure.http),
  "over HTTP/2": overHttp2,
};

describe.each(NAMES)("a server that compares %s", (name) => {
  it.each(["identity", "gzip", "gzip, br"])("says 304 to who accepts %s, as directly", async (accepts) => {
    const path = `/${NAMES.indexOf(name)}`;
    for (const [way, visit] of Object.entries(WAYS)) {
      const own = { "accept-encoding": accepts };
      const { status, fields } = await visit(path, own);
      const validators = {
        ...(fields.etag !== undefined && { "if-none-match": String(fields.etag) }),
        ...(fields["last-modified"] !== undefined && {
          "if-modified-since": String(fields["last-modified"]),
        }),
      };
      const again = await visit(path, { ...own, ...validators });
      expect([way, status, again.status, again.body.length]).toEqual([way, 200, 304, 0]);
      expect(again.fields.etag).toBe(fields.etag);
      if (way !== "directly") expect(again.fields["content-length"]).toBeUndefined();
      const changed = await visit(path, { ...own, "if-none-match": '"another"' });
      expect([way, changed.status]).toEqual([way, 200]);
    }
  });
});
