/**
 * The settings of one host in `edge.yaml`: whose pages may be bases of whose, and, of one that is served without a key, the web server that
 * is asked straight from here. docs/alone.md.
 */
import { z } from "zod";
import { isHostPattern } from "../../protocol/config/host-pattern.ts";
import type { Surroundings } from "../../protocol/config/parse-config.ts";
import { block, hostPattern, written } from "../../protocol/config/schema.ts";
import { UnitError } from "../../protocol/config/units.ts";
import type { BasesPolicy } from "../../protocol/scope/scope.ts";
import {
  type AnswerSettings,
  answerSettings,
  directSetting,
  fallbackSetting,
  type WebServer,
} from "./host-config.ts";

const BASES = ["session", "site", "url", "off"] as const satisfies readonly BasesPolicy[];

/** A host, and whose versions may be bases of its pages (ScopePolicy). */
export interface ServedHost extends AnswerSettings {
  /** Its web server, where no link serves it. */
  readonly direct?: WebServer;
  /** As in a Host field without port: lower case, no final dot; or a pattern (host-pattern). */
  readonly host: string;
  readonly bases: BasesPolicy;
  /** Names of cookies that make no session, beside the built-in ones; one `*` stands for any characters. */
  readonly harmlessCookies: readonly string[];
  /** Request headers that make a session, in lower case, beside Authorization, X-Api-Key and their like. */
  readonly credentialHeaders: readonly string[];
  /** Whether pieces that several people's pages share may be everybody's base, under `bases: session`. */
  readonly commonBases: boolean;
  /** Whether bodies of requests cross the link compressed, where they gain. */
  readonly compressRequests: boolean;
  /** What an extended CONNECT may ask for beside `websocket`; lower case. */
  readonly connectProtocols: readonly string[];
}

/** A host that no link serves. */
export interface DirectHost extends ServedHost {
  readonly direct: WebServer;
}

const hostSettings = (near: Surroundings) => ({
  host: hostPattern().describe(
    "A host, `*.example.com` for every name below it, or `*` for every host; the most particular counts. May stand alone in place of the block.",
  ),
  bases: z
    .enum(BASES)
    .prefault("session")
    .describe(
      "Whose versions may be bases: what is public and the session's own; the whole site's; only the same URL's; none.",
    ),
  harmlessCookies: z
    .array(written(cookieName, "a cookie's name, such as my_analytics_*"))
    .prefault([])
    .describe("Cookies that make no session, beside the built-in ones; one `*` stands for any characters."),
  credentialHeaders: z
    .array(written(headerName, "a header's name, such as x-api-key"))
    .prefault([])
    .describe(
      "Request fields that make a session and are secrets of their own, beside Authorization, X-Api-Key, X-Auth-Token and their like; others whose names sound like credentials (`token`, `session`, and `csrf` where nothing else is a secret) part sessions too.",
    ),
  commonBases: z
    .boolean()
    .prefault(true)
    .describe("Whether what three people's pages share may be everybody's base, under `bases: session`."),
  compressRequests: z
    .boolean()
    .prefault(true)
    .describe("Whether bodies of requests cross the link compressed, where that gains."),
  connectProtocols: z
    .array(written(protocolName, "a protocol's name, such as connect-udp"))
    .prefault([])
    .describe("What an extended CONNECT of HTTP/2 may ask for beside websocket; others get 501."),
  ...answerSettings(near),
});

export const servedHost = (near: Surroundings): z.ZodType<ServedHost> =>
  block({ ...hostSettings(near), fallback: fallbackSetting(near) })
    .refine(({ host, fallback }) => !isHostPattern(host) || fallback === undefined || fallback.paths, {
      abort: true,
      path: ["fallback"],
      error: "needs paths where host stands for many, as what links answered of one says nothing of another",
    })
    .transform(({ fallback, errorPage, ...rest }): ServedHost => ({ ...rest, fallback, errorPage }));

export const directHost = (near: Surroundings): z.ZodType<DirectHost> =>
  block({ ...hostSettings(near), direct: directSetting(near) }).transform(
    ({ errorPage, ...rest }): DirectHost => ({ ...rest, fallback: undefined, errorPage }),
  );

// RFC 9110 5.6.2: the characters of a token, which names of cookies and headers are made of.
const TOKEN = /^[\w!#$%&'*+.^`|~-]+$/;

function cookieName(text: string): string {
  if (TOKEN.test(text) && text.split("*").length <= 2) return text;
  throw new UnitError(
    "is not a cookie's name; write one such as my_analytics, or my_analytics_* for all that begin so",
  );
}

function headerName(text: string): string {
  if (TOKEN.test(text)) return text.toLowerCase();
  throw new UnitError("is not a header's name; write one such as x-api-key");
}

function protocolName(text: string): string {
  const name = text.toLowerCase();
  if (/^(?:h2c?|http\/.*)$/.test(name))
    throw new UnitError("is HTTP itself, which nothing is upgraded to here; leave it out");
  if (TOKEN.test(text)) return name;
  throw new UnitError("is not a protocol's name; write one such as connect-udp");
}
