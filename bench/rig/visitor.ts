/**
 * A visitor for measurements: one keep-alive connection to the edge, the request headers of a browser, the body
 * decoded from whatever coding the edge chose, so that it can be compared with what the origin produced.
 */
import type { IncomingHttpHeaders } from "node:http";
import { promisify } from "node:util";
import { brotliDecompress, gunzip, inflate, zstdDecompress } from "node:zlib";
import type { Clock } from "../../protocol/runtime/clock.ts";
import { type Asker, http1Asker } from "./asker.ts";
import type { HeldDictionary } from "./held-dictionary.ts";

/** A page that does not arrive within this is an error, not a wait. */
const VISIT_MS = 30_000;

export interface Visit {
  readonly host: string;
  readonly path: string;
  /** Chooses the Accept header: a document, or something a script fetches. */
  readonly contentType: string;
  readonly cookie?: string | undefined;
  readonly authorization?: string | undefined;
  /** What a script read from the cookie XSRF-TOKEN. */
  readonly xsrfToken?: string | undefined;
  /** The page of the same site that the visitor comes from. */
  readonly referer?: string | undefined;
  /** The address that a proxy in front says the visitor has. */
  readonly network?: string | undefined;
  /** A form to post, URL-encoded; without one it is a GET. */
  readonly form?: string | undefined;
}

export interface VisitedPage {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Names and values in turn, as they came. */
  readonly rawHeaders: readonly string[];
  /** Without its content coding. */
  readonly body: Buffer;
}

/** A visit's page, and how long after its request the head had come, and the whole page. */
interface TimedPage extends VisitedPage {
  readonly firstByteMs: number;
  readonly wholeMs: number;
  /** Of head and body, as they came. */
  readonly bytes: number;
}

export interface Visitor {
  /** Rejects when no complete response arrives, or its coding cannot be undone. */
  visit(visit: Visit, signal?: AbortSignal): Promise<TimedPage>;
  close(): void;
}

const BROWSER_HEADERS = {
  "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
  "Accept-Language": "en-GB,en;q=0.8,de;q=0.5",
  "Accept-Encoding": "gzip, deflate, br, zstd",
  DNT: "1",
} as const;

const DOCUMENT_HEADERS = {
  Accept: "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
  "Upgrade-Insecure-Requests": "1",
  "Sec-Fetch-Dest": "document",
  "Sec-Fetch-Mode": "navigate",
  "Sec-Fetch-Site": "none",
  "Sec-Fetch-User": "?1",
  Priority: "u=0, i",
} as const;

const SCRIPT_HEADERS = {
  Accept: "*/*",
  "Sec-Fetch-Dest": "empty",
  "Sec-Fetch-Mode": "cors",
  "Sec-Fetch-Site": "same-origin",
  Priority: "u=4",
} as const;

/** The headers that a browser sends for `visit`. */
export const headersFor = ({
  host,
  contentType,
  cookie,
  authorization,
  xsrfToken,
  referer,
  network,
  form,
}: Visit): Record<string, string> => ({
  Host: host,
  ...BROWSER_HEADERS,
  ...(contentType.startsWith("text/html") ? DOCUMENT_HEADERS : SCRIPT_HEADERS),
  ...(cookie === undefined ? {} : { Cookie: cookie }),
  ...(authorization === undefined ? {} : { Authorization: authorization }),
  ...(xsrfToken === undefined ? {} : { "X-XSRF-TOKEN": xsrfToken }),
  ...(referer === undefined ? {} : { Referer: referer, "Sec-Fetch-Site": "same-origin" }),
  ...(network === undefined ? {} : { "X-Forwarded-For": network }),
  ...(form === undefined
    ? {}
    : {
        Origin: `http://${host}`,
        "Content-Type": "application/x-www-form-urlencoded",
        "Content-Length": String(Buffer.byteLength(form)),
      }),
});

/**
 * A visitor of the edge at `address` (host:port), by HTTP/1.1 unless another `asker` is given; with dictionaries a Chromium over HTTPS, behind a
 * proxy that the edge trusts.
 */
export function visitorOf(
  address: string,
  clock: Clock,
  dictionaries?: HeldDictionary,
  asker: Asker = http1Asker(address),
): Visitor {
  const visitOnce = async (visit: Visit, signal: AbortSignal): Promise<TimedPage> => {
    const { path, form, contentType } = visit;
    const method = form === undefined ? "GET" : "POST";
    const fields = dictionaries?.fieldsFor(contentType.startsWith("text/html") ? "page" : "script");
    const headers = { ...headersFor(visit), ...fields };
    const from = clock.now();
    const response = await asker.ask({ method, path, headers, form, signal });
    const firstByteMs = clock.now() - from;
    const { coded, bytes } = await response.body();
    const wholeMs = clock.now() - from;
    const coding = response.headers["content-encoding"];
    const body = await (coding === "dcz" && dictionaries
      ? dictionaries.undo(coded)
      : undoCoding(coded, coding));
    const { status, rawHeaders } = response;
    return { status, headers: response.headers, rawHeaders, body, firstByteMs, wholeMs, bytes };
  };
  return {
    visit: (visit, signal) =>
      clock.within(VISIT_MS, signal, async (within) => {
        const page = await visitOnce(visit, within);
        const path = dictionaries?.announcedBy(page.headers);
        if (dictionaries === undefined || path === undefined) return page;
        const fetched = await visitOnce({ host: visit.host, path, contentType: "text/plain" }, within);
        if (fetched.status === OK) dictionaries.hold(path, fetched);
        return page;
      }),
    close: () => asker.close(),
  };
}

const OK = 200;

interface Limit {
  readonly maxOutputLength?: number;
}

const UNDO: Readonly<Record<string, (coded: Buffer, limit: Limit) => Promise<Buffer>>> = {
  gzip: promisify<Buffer, Limit, Buffer>(gunzip),
  deflate: promisify<Buffer, Limit, Buffer>(inflate),
  br: promisify<Buffer, Limit, Buffer>(brotliDecompress),
  zstd: promisify<Buffer, Limit, Buffer>(zstdDecompress),
};

/**
 * The body without its content coding; rejects where that is none that browsers know, or where it has more than `mostBytes`
 * (ERR_BUFFER_TOO_LARGE).
 */
export async function undoCoding(
  body: Buffer,
  coding: string | undefined,
  mostBytes?: number,
): Promise<Buffer> {
  if (coding === undefined || coding === "identity") return body;
  const undo = UNDO[coding.toLowerCase()];
  if (undo === undefined) throw new Error(`the answer came in a coding that was not asked for: ${coding}`);
  return undo(body, mostBytes === undefined ? {} : { maxOutputLength: mostBytes });
}
