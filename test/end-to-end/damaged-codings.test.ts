/**
 * A page whose coding turns out damaged after its beginning has streamed: its visitor gets the very bytes of the web server, or
 * sees that it is cut; and nobody builds on it. RFC 9112 section 8, SPEC section "Encodings".
 */
import { once } from "node:events";
import { type IncomingMessage, request, type ServerResponse } from "node:http";
import { constants, gunzipSync, gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openHttp2 } from "../kit/http2-visitor.ts";
import { watchLeaks } from "../kit/leaks.ts";
import { HOST } from "../kit/raw-requests.ts";
import { openSecurePair, type SecurePair } from "../kit/secure-pair.ts";

watchLeaks();

const PAGE = Buffer.from(
  Array.from({ length: 12_000 }, (_, row) => `<p>${((row * 7919) % 100_003).toString(36)} row</p>\n`).join(
    "",
  ),
);
const CODED = gzipSync(PAGE);
const HALF = CODED.length >> 1;

/** What comes behind the first half. */
const RESTS: Readonly<Record<string, Buffer>> = {
  garbage: Buffer.alloc(CODED.length - HALF, 0xff),
  "no-trailer": CODED.subarray(HALF, -8),
  "wrong-sum": Buffer.concat([CODED.subarray(HALF, -8), Buffer.alloc(8, 1)]),
  "no-end": CODED.subarray(HALF, -5_000),
};

/** Sends the rest of a response that is under way, by its target. */
const goOn = new Map<string, () => void>();
const serve = ({ url = "" }: IncomingMessage, response: ServerResponse): void => {
  response.writeHead(200, { "Content-Type": "text/html", "Content-Encoding": "gzip" });
  response.write(CODED.subarray(0, HALF));
  goOn.set(url, () => response.end(RESTS[url.split("/")[1] ?? ""]));
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
  readonly coding: unknown;
  readonly body: Buffer;
  readonly complete: boolean;
}

/** What comes of a body until it ends, or is cut. */
const untilEnd = async (stream: AsyncIterable<Buffer>): Promise<Pick<Got, "body" | "complete">> => {
  const pieces: Buffer[] = [];
  try {
    for await (const piece of stream) pieces.push(piece);
    return { body: Buffer.concat(pieces), complete: true };
  } catch {
    return { body: Buffer.concat(pieces), complete: false };
  }
};

const visitors = {
  "HTTP/1.1": async (method: string, path: string): Promise<Got> => {
    const headers = { Host: HOST, Connection: "close", "Accept-Encoding": "gzip" };
    const outgoing = request({ host: "127.0.0.1", port: secure.http, method, path, headers }).end();
    outgoing.on("error", () => {}); // the response tells
    const [incoming] = (await once(outgoing, "response")) as [IncomingMessage];
    goOn.get(path)?.();
    return { coding: incoming.headers["content-encoding"], ...(await untilEnd(incoming)) };
  },
  "HTTP/2": async (method: string, path: string): Promise<Got> => {
    const fields = { ":method": method, ":path": path, "accept-encoding": "gzip" };
    const { stream, fields: got } = await session.begin(fields);
    goOn.get(path)?.();
    const { body, complete } = await untilEnd(stream);
    return { coding: got["content-encoding"], body, complete: complete && stream.rstCode === 0 };
  },
};

describe.each(Object.entries(visitors))("over %s", (version, visit) => {
  it.each(["GET", "POST"])("by %s it is exact or visibly cut, and never a base", async (method) => {
    const broken = async (rest: string, sent: Buffer) => {
      const path = `/${rest}/${method}/${version.replace("/", "")}`;
      for (const count of [1, 2]) {
        const { coding, body, complete } = await visit(method, path);
        const plain = complete ? PAGE : gunzipSync(body, { finishFlush: constants.Z_SYNC_FLUSH });
        expect([
          rest,
          coding,
          complete && !body.equals(Buffer.concat([CODED.subarray(0, HALF), sent])),
        ]).toEqual([rest, "gzip", false]);
        expect(PAGE.subarray(0, plain.length).equals(plain)).toBe(true);
        expect(await secure.pair.visitOf(path, count)).toMatchObject({ bases: 0, status: 200 });
      }
    };
    await Promise.all(Object.entries(RESTS).map(([rest, sent]) => broken(rest, sent)));
  });
});
