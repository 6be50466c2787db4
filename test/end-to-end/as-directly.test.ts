/**
 * What a visitor that accepts no coding, one that signs, and one that asks again get through the pair: what they would get
 * from the web server itself, by any method, over HTTP/1.1 and HTTP/2. SPEC section "Encodings".
 */
import { createHash, createHmac } from "node:crypto";
import { once } from "node:events";
import { type IncomingMessage, request, type ServerResponse } from "node:http";
import { gunzipSync, gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { pageOf } from "../kit/changing-site.ts";
import { openHttp2 } from "../kit/http2-visitor.ts";
import { watchLeaks } from "../kit/leaks.ts";
import { HOST } from "../kit/raw-requests.ts";
import { openSecurePair, type SecurePair } from "../kit/secure-pair.ts";

watchLeaks();

type Fields = Readonly<Record<string, string>>;

interface Got {
  readonly status: number;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly body: Buffer;
}

const PAGE = pageOf(7, "as directly");
const ARCHIVE = gzipSync(createHash("shake256", { outputLength: 60_000 }).update("a").digest());
const TAG = `"${createHash("md5").update(PAGE).digest("hex")}"`;
const OWN_WEAK = 'W/"own"';

const signatureOf = (accepts: string): string => createHmac("sha256", "k").update(accepts).digest("hex");

/** A web server of strict habits: tags are compared as strings, ranges by their tag, signatures by every byte. */
const serve = (asked: IncomingMessage, answer: ServerResponse): void => {
  const path = asked.url ?? "";
  const { range } = asked.headers;
  if (path === "/signed") {
    const right = asked.headers.authorization?.endsWith(signatureOf(asked.headers["accept-encoding"] ?? ""));
    answer.writeHead(right ? 200 : 403, { "Content-Type": "text/xml", "Content-Length": 2 }).end("ok");
    return;
  }
  const [body, type, tag, more] =
    path === "/release.tar.gz"
      ? ([ARCHIVE, "application/x-tar", '"a1"', { "Content-Encoding": "x-gzip" }] as const)
      : ([PAGE, "text/csv", path.slice(1).replaceAll("%22", '"'), {}] as const);
  const head = {
    "Content-Type": type,
    ETag: tag,
    "Accept-Ranges": "bytes",
    "Repr-Digest": "sha-256=:a:",
    ...more,
  };
  if (asked.headers["if-none-match"] === tag) return void answer.writeHead(304, { ETag: tag }).end();
  const must = asked.headers["if-match"];
  if (must !== undefined && must !== tag) return void answer.writeHead(412, { "Content-Length": 0 }).end();
  const isPart =
    range !== undefined && [undefined, tag].includes(asked.headers["if-range"] as string | undefined);
  const from = isPart ? Number(/\d+/.exec(range)?.[0]) : 0;
  const part = body.subarray(from);
  answer.writeHead(isPart ? 206 : 200, {
    ...head,
    "Content-Length": part.length,
    ...(isPart && { "Content-Range": `bytes ${from}-${body.length - 1}/${body.length}` }),
  });
  answer.end(asked.method === "HEAD" ? undefined : part);
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

const bytesOf = async (stream: AsyncIterable<Buffer>): Promise<Buffer> => {
  const pieces: Buffer[] = [];
  for await (const piece of stream) pieces.push(piece);
  return Buffer.concat(pieces);
};

const visitors = {
  "HTTP/1.1": async (method: string, path: string, fields: Fields = {}): Promise<Got> => {
    const headers = { Host: HOST, Connection: "close", ...fields };
    const outgoing = request({ host: "127.0.0.1", port: secure.http, method, path, headers }).end();
    const [incoming] = (await once(outgoing, "response")) as [IncomingMessage];
    return { status: incoming.statusCode ?? 0, fields: incoming.headers, body: await bytesOf(incoming) };
  },
  "HTTP/2": async (method: string, path: string, fields: Fields = {}): Promise<Got> => {
    const lower = Object.fromEntries(
      Object.entries(fields).map(([name, value]) => [name.toLowerCase(), value]),
    );
    const {
      stream,
      status,
      fields: got,
    } = await session.begin({ ":method": method, ":path": path, ...lower });
    return { status, fields: got, body: await bytesOf(stream) };
  },
} as const;

const NO_CODING: readonly Fields[] = [{}, { "Accept-Encoding": "identity" }];
const EVERY = Object.entries(visitors).flatMap(([version, visit]) =>
  ["GET", "POST", "HEAD"].map((method) => [method, version, visit] as const),
);

describe.each(EVERY)("%s over %s", (method, _, visit) => {
  const hasBody = method !== "HEAD";

  it.each(NO_CODING)("of a page for %j has its length, tag, ranges and digest, and Vary", async (fields) => {
    const { fields: got, body } = await visit(method, `/${TAG}`.replaceAll('"', "%22"), fields);
    expect(got).toMatchObject({
      "content-length": String(PAGE.length),
      etag: TAG,
      "accept-ranges": "bytes",
      "repr-digest": "sha-256=:a:",
      vary: "Accept-Encoding",
    });
    expect(got["content-encoding"]).toBeUndefined();
    if (hasBody) expect(body.equals(PAGE)).toBe(true);
  });

  it.each([...NO_CODING, { "Accept-Encoding": "gzip, br" }])(
    "of an archive for %j is the file",
    async (fields) => {
      const { fields: got, body } = await visit(method, "/release.tar.gz", fields);
      expect(got).toMatchObject({
        "content-length": String(ARCHIVE.length),
        "content-encoding": "x-gzip",
        etag: '"a1"',
        "accept-ranges": "bytes",
      });
      if (hasBody) expect(body.equals(ARCHIVE)).toBe(true);
    },
  );

  it.each(["identity", "gzip", "gzip, br;q=0.5"])("arrives with %j as it was signed", async (accepts) => {
    const authorization = `AWS4-HMAC-SHA256 Credential=k, SignedHeaders=accept-encoding;host, Signature=${signatureOf(accepts)}`;
    const { status } = await visit(method, "/signed", {
      "Accept-Encoding": accepts,
      Authorization: authorization,
    });
    expect(status).toBe(200);
  });

  it.each([
    ["strong", TAG, `W/${TAG}`],
    ["weak", OWN_WEAK, OWN_WEAK],
    ["unquoted", "v1abc", "v1abc"],
  ])("with the %s tag that it got finds its page unchanged", async (kind, tag, shown) => {
    const path = `/${tag.replaceAll('"', "%22")}`;
    const accepts = { "Accept-Encoding": "gzip" };
    const first = await visit(method, path, accepts);
    expect(
      [first.fields.etag, first.fields["content-encoding"], first.fields["accept-ranges"]],
      kind,
    ).toEqual([shown, "gzip", undefined]);
    if (hasBody) expect(gunzipSync(first.body).equals(PAGE)).toBe(true);
    const again = await visit(method, path, { ...accepts, "If-None-Match": shown });
    expect([again.status, again.fields.etag, again.fields.vary]).toEqual([304, shown, "Accept-Encoding"]);
    expect(again.fields["content-length"]).toBeUndefined();
    expect(again.body.length).toBe(0);
  });

  it("of the rest makes one file with what was begun", async () => {
    for (const fields of NO_CODING)
      for (const [path, tag, whole] of [
        ["/release.tar.gz", '"a1"', ARCHIVE],
        [`/${TAG}`.replaceAll('"', "%22"), TAG, PAGE],
      ] as const)
        for (const condition of [{}, { "If-Range": tag }, { "If-Match": tag }]) {
          const rest = await visit(method, path, { ...fields, ...condition, Range: "bytes=1000-" });
          expect(rest.status).toBe(206);
          if (hasBody) expect(Buffer.concat([whole.subarray(0, 1000), rest.body]).equals(whole)).toBe(true);
        }
  });
});
