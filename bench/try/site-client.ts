/**
 * Asks somebody's web server as a polite program does: one request at a time, under its own name, with a limit of time and size. Keeps the
 * cookies that the site sets, follows redirects within the site, and undoes the content coding.
 */
import { Agent, type IncomingMessage, request } from "node:http";
import { request as requestSecurely, Agent as SecureAgent } from "node:https";
import { type CookieJar, getPublicSuffix } from "tough-cookie";
import { ownVersion } from "../../protocol/daemon/cli.ts";
import { endToEnd } from "../../protocol/http/head.ts";
import { type Clock, DeadlineError } from "../../protocol/runtime/clock.ts";
import { Complaint, codeOf } from "../../protocol/runtime/user-error.ts";
import type { Head } from "../replay/made-up-head.ts";
import { headersFor, undoCoding, type Visit } from "../rig/visitor.ts";
import { printedUrl } from "./printed-url.ts";

export const USER_AGENT_NAME = "coilgun-bench";

const ANSWER_MS = 30_000;
const MOST_REDIRECTS = 5;
/** Of a body as it comes, and without its coding. */
const MOST_BODY_BYTES = 64 * 2 ** 20;

export interface SiteAnswer {
  readonly url: URL;
  readonly status: number;
  /** Fields in order, without those of one hop. */
  readonly head: Head;
  /** The body as it came, and without its coding. */
  readonly sent: Buffer;
  readonly body: Buffer;
  /** From the request to the answer's head, at the site itself. */
  readonly firstByteMs: number;
  /** What was sent with the request. */
  readonly cookie: string | undefined;
  readonly authorization: string | undefined;
}

export interface SiteClient {
  /** One request, one answer; rejects with Complaint where there is none. */
  ask(url: URL, signal?: AbortSignal): Promise<SiteAnswer>;
  /** The same, past redirects within the site; `told` hears of each, and may throw. */
  follow(
    url: URL,
    told: (from: URL, to: URL) => void | Promise<void>,
    signal?: AbortSignal,
  ): Promise<SiteAnswer>;
  close(): void;
}

export interface SiteClientOptions {
  readonly jar: CookieJar;
  readonly clock: Clock;
  /** Codings that are asked for; none for pages that are kept uncoded. */
  readonly coded: boolean;
  /** Smaller in tests. */
  readonly mostBytes?: number;
}

/** The same host, or hosts of one owner: www.example.com and example.com. */
export const isSameSite = (one: URL, other: URL): boolean =>
  one.hostname === other.hostname ||
  (siteOf(one.hostname) !== undefined && siteOf(one.hostname) === siteOf(other.hostname));

const siteOf = (host: string): string | undefined => getPublicSuffix(host, { ignoreError: true });

/** An http or https address; throws Complaint. User and password in it become the Authorization field. */
export function siteUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && /^https?:$/.test(url.protocol)) {
    url.hash = "";
    return url;
  }
  throw new Complaint(`${text} is no address to ask: it must begin with http:// or https://`);
}

export function siteClient({
  jar,
  clock,
  coded,
  mostBytes = MOST_BODY_BYTES,
}: SiteClientOptions): SiteClient {
  const agents = { "http:": new Agent({ keepAlive: true }), "https:": new SecureAgent({ keepAlive: true }) };
  /** By scheme, host and port: whose password was given. */
  const passwords = new Map<string, string>();

  const open = (url: URL, headers: Record<string, string>, signal: AbortSignal): Promise<IncomingMessage> =>
    new Promise((resolve, reject) => {
      const secure = url.protocol === "https:";
      const agent = secure ? agents["https:"] : agents["http:"];
      (secure ? requestSecurely : request)(url, { agent, headers, signal }, resolve)
        .on("error", reject)
        .end();
    });

  const ask = async (asked: URL, signal?: AbortSignal): Promise<SiteAnswer> => {
    const url = new URL(asked);
    const authorization = takeLogin(url) ?? passwords.get(url.origin);
    if (authorization !== undefined) passwords.set(url.origin, authorization);
    const cookie = (await jar.getCookieString(url.href)) || undefined;
    const visit: Visit = {
      host: url.host,
      path: url.pathname + url.search,
      contentType: "text/html",
      cookie,
      authorization,
    };
    const { "Accept-Encoding": codings, ...others } = headersFor(visit);
    const headers = {
      ...others,
      "User-Agent": `${USER_AGENT_NAME}/${ownVersion()}`,
      ...(coded && codings !== undefined ? { "Accept-Encoding": codings } : {}),
    };
    try {
      return await clock.within(ANSWER_MS, signal, async (within) => {
        const from = clock.now();
        const response = await open(url, headers, within);
        const firstByteMs = clock.now() - from;
        const sent = await bodyOf(response, mostBytes);
        const head = headOf(response);
        for (const [name, value] of head) {
          if (name.toLowerCase() === "set-cookie")
            await jar.setCookie(value, url.href, { ignoreError: true });
        }
        const body = await undoCoding(sent, response.headers["content-encoding"], mostBytes);
        const status = response.statusCode ?? 0;
        return { url, status, head, sent, body, firstByteMs, cookie, authorization };
      });
    } catch (error) {
      signal?.throwIfAborted();
      throw new Complaint(`${printedUrl(url)}: ${whyNot(error)}`, { cause: error });
    }
  };

  return {
    ask,
    async follow(url, told, signal) {
      let at = url;
      for (let hops = 0; ; hops++) {
        const answer = await ask(at, signal);
        const to = redirectOf(answer);
        if (to === undefined) return answer;
        if (!isSameSite(answer.url, to))
          throw new Complaint(
            `${printedUrl(url)} leads to another site; if that is to be measured, name it: ${printedUrl(to)}`,
          );
        if (hops === MOST_REDIRECTS)
          throw new Complaint(
            `${printedUrl(url)}: more than ${MOST_REDIRECTS} redirects; it may want a cookie (--cookie-jar)`,
          );
        await told(answer.url, to);
        at = to;
      }
    },
    close() {
      for (const agent of Object.values(agents)) agent.destroy();
    },
  };
}

/** Where an answer leads, if it is a redirect that a GET follows. */
function redirectOf({ status, head, url }: SiteAnswer): URL | undefined {
  const [, location] = head.find(([name]) => name.toLowerCase() === "location") ?? [];
  const redirects = status > 300 && status < 309 && status !== 304;
  if (!redirects || location === undefined || !URL.canParse(location, url.href)) return undefined;
  const to = new URL(location, url);
  to.hash = to.username = to.password = "";
  return /^https?:$/.test(to.protocol) ? to : undefined;
}

/** Takes user and password out of the address: the Authorization field that says them. */
function takeLogin(url: URL): string | undefined {
  const { username, password } = url;
  if (username === "" && password === "") return undefined;
  url.username = url.password = "";
  const login = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return `Basic ${Buffer.from(login).toString("base64")}`;
}

function headOf({ rawHeaders }: IncomingMessage): Head {
  const fields = endToEnd(rawHeaders);
  return Array.from({ length: fields.length / 2 }, (_, at) => [
    fields[2 * at] ?? "",
    fields[2 * at + 1] ?? "",
  ]);
}

class TooLarge extends Error {}

async function bodyOf(response: IncomingMessage, mostBytes: number): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of response) {
    bytes += (piece as Buffer).length;
    if (bytes > mostBytes) throw new TooLarge(`more than ${mostBytes / 2 ** 20} MiB`);
    pieces.push(piece as Buffer);
  }
  return Buffer.concat(pieces);
}

const IN_WORDS: Readonly<Record<string, string>> = {
  ENOTFOUND: "no such host",
  EAI_AGAIN: "the host's address could not be looked up",
  ECONNREFUSED: "nobody listens there",
  ECONNRESET: "the connection was cut",
  ERR_BUFFER_TOO_LARGE: "too large without its coding",
};

const whyNot = (error: unknown): string => {
  if (error instanceof DeadlineError) return `no whole answer within ${ANSWER_MS / 1000} s`;
  return IN_WORDS[codeOf(error)] ?? (error instanceof Error ? error.message : String(error));
};
