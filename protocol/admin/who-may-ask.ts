/**
 * Who may ask over TCP. Every program of this machine reaches a loopback address, the browser too, and any page in it:
 * so the Host must be one that no other site can make its own (DNS rebinding), and a request that another site made is
 * refused (Fetch Metadata, Origin).
 */
import type { IncomingMessage } from "node:http";
import type { AdminAddress } from "../config/admin-settings.ts";
import { isToken, tokenText } from "../config/token.ts";
import { type HostPort, isLoopback, parseHostPort, UnitError } from "../config/units.ts";

export interface Refusal {
  readonly status: 401 | 403 | 405 | 421;
  readonly problem: string;
  readonly fields?: Readonly<Record<string, string>>;
}

/** Undefined: it is answered. */
export const whyRefused = (request: IncomingMessage, at: AdminAddress): Refusal | undefined => {
  const { method, headers } = request;
  const host = soleHost(request);
  if (host === undefined || !isOurs(host, at))
    return {
      status: 421,
      problem:
        "this Host is not served here; ask by 127.0.0.1 or localhost, or list the name under hosts of admin",
    };
  const site = headers["sec-fetch-site"];
  const fromElsewhere = site !== undefined && site !== "same-origin" && site !== "none";
  if (fromElsewhere || (headers.origin !== undefined && headers.origin !== `http://${headers.host}`))
    return { status: 403, problem: "a page of another site asked for this; open it by its address" };
  if (method !== "GET" && method !== "HEAD")
    return {
      status: 405,
      problem: "over TCP nothing can be changed; use the command, or the unix socket",
      fields: { allow: "GET, HEAD" },
    };
  if (at.token !== undefined && !shows(headers.authorization, tokenText(at.token)))
    return {
      status: 401,
      problem:
        "the token of admin's tokenFile is needed, as Authorization: Bearer, or as any user's password",
      fields: { "www-authenticate": 'Basic realm="coilgun", charset="UTF-8"' },
    };
  return undefined;
};

/** Undefined where there is none, several, or one that is no host. */
const soleHost = ({ headersDistinct: { host: hosts = [] } }: IncomingMessage): HostPort | undefined => {
  const [host] = hosts;
  if (host === undefined || hosts.length > 1) return undefined;
  try {
    return parseHostPort(host, 80);
  } catch (error) {
    if (error instanceof UnitError) return undefined;
    throw error;
  }
};

const isOurs = ({ host }: HostPort, { address, hosts }: AdminAddress): boolean =>
  isLoopback(host) || host === address.host || hosts.includes(host);

/** RFC 6750 section 2.1, RFC 7617. */
const shows = (authorization: string | undefined, token: string): boolean => {
  const [, scheme = "", shown = ""] = /^(\S+) +(\S+)$/.exec(authorization ?? "") ?? [];
  switch (scheme.toLowerCase()) {
    case "bearer":
      return isToken(shown, token);
    case "basic":
      return isToken(
        Buffer.from(shown, "base64")
          .toString("utf8")
          .replace(/^[^:]*:/, ""),
        token,
      );
    default:
      return false;
  }
};
