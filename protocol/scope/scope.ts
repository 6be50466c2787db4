/**
 * Who may build on a version: everyone, one session, or nobody. One visitor's page must never become another's
 * dictionary: with a reflected guess, the size of the delta would tell a secret of the base digit by digit. Pure: the
 * same headers under the same policy give the same scope. SPEC section "Scope".
 */
import { createSecretKey } from "node:crypto";
import { holdsCapability } from "./capability-url.ts";
import { CookieHistory } from "./cookie-history.ts";
import { countedSetCookies } from "./counted-cookies.ts";
import {
  type Addressed,
  type CredentialRules,
  Credentials,
  type RawHeaders,
  type Renewal,
  type SessionKey,
  type VisitorPlace,
} from "./credentials.ts";
import { HARMLESS_COOKIES, nameMatcher } from "./ignored-cookies.ts";
import type { NoBase } from "./no-base.ts";

/**
 * `session`: the rules of this file. `site`: everything is public, an operator's choice for sites without secrets.
 * `url`: as session, and only versions of the same URL are bases. `off`: no bases at all.
 */
export type BasesPolicy = "session" | "site" | "url" | "off";

export interface ScopePolicy {
  readonly bases: BasesPolicy;
  /** Names (one `*` allowed) of cookies that do not count, beside the known ones. */
  readonly harmlessCookies: readonly string[];
  /** Headers that are credentials as a whole, beside those that everybody knows (credential-headers). */
  readonly credentialHeaders?: readonly string[];
  /** Whether pieces that several people's pages share may become everybody's base, under `session`; true when left out. */
  readonly commonBases?: boolean;
}

/** `keep`: until room is needed. `session` and `no-store`: also forgotten some time after the last use. */
export type Retention = "keep" | "session" | "no-store";

export interface SessionScope {
  readonly kind: "session";
  readonly session: SessionKey;
  readonly retention: Retention;
  /**
   * Marks of who asked, where the response can be evidence that these bytes are everyone's: nothing but the cookies of
   * the request made it a session's. Undefined where it cannot.
   */
  readonly marks: (() => readonly string[]) | undefined;
  /** Marks of who asked, for common bases; undefined where none would tell people apart. */
  readonly joined?: (() => readonly string[]) | undefined;
  /** Why it is nobody else's; the origin side need not know. */
  readonly reason?: NoBase;
}

export type Scope =
  | { readonly kind: "public"; readonly retention: Retention }
  | SessionScope
  /** Not remembered as a base. */
  | { readonly kind: "nobody"; readonly reason: NoBase };

const PUBLIC: Scope = { kind: "public", retention: "keep" };
const PARTIAL_CONTENT = 206;
/** Methods that are safe (RFC 9110 section 9.2.1 and IANA's registry): what they send is a question, and no login. */
const ASKS_ONLY: ReadonlySet<string> = new Set("GET HEAD OPTIONS PROPFIND QUERY REPORT SEARCH".split(" "));

/** One route's policy, compiled. `secret` keys the session hashes: random, one per daemon and start. */
export class ScopeRules {
  readonly bases: BasesPolicy;
  readonly commonBases: boolean;
  readonly #credentials: CredentialRules;

  /** `history`: what answers made of cookies under earlier rules. */
  constructor(policy: ScopePolicy, secret: Uint8Array, history = new CookieHistory()) {
    this.bases = policy.bases;
    this.commonBases = policy.bases === "session" && policy.commonBases !== false;
    this.#credentials = {
      harmless: nameMatcher([...HARMLESS_COOKIES, ...policy.harmlessCookies]),
      headers: new Set((policy.credentialHeaders ?? []).map((name) => name.toLowerCase())),
      secret: createSecretKey(secret),
      history,
    };
  }

  /** Who asks for something of `host`. Where the policy makes no difference between visitors, nobody is anybody. */
  credentialsOf(request: RawHeaders, host?: string): Credentials {
    return Credentials.of(this.#credentials, this.#isBlind ? [] : request, host);
  }

  /** Whether this request shows credentials, so that its answer may hold a secret; never where the operator says there are none. */
  mayHoldSecret(request: RawHeaders, host?: string): boolean {
    return this.bases !== "site" && !Credentials.of(this.#credentials, request, host).none;
  }

  /** Whether a request shows no credentials at all, whatever the policy says of pages. */
  showsNothing(request: RawHeaders, host?: string): boolean {
    return Credentials.of(this.#credentials, request, host).none;
  }

  /** A visitor who shows no secret, by address; undefined where the policy makes no difference between visitors. */
  addressed(credentials: Credentials, place: VisitorPlace): Addressed | undefined {
    return this.#isBlind ? undefined : credentials.at(place);
  }

  /**
   * Whether what is asked for by this method may be a login: that sends a credential and shows none, and sites need not
   * say of its answer that it is private, as no cache keeps it.
   */
  mayBeLogin(credentials: Credentials, method = "GET"): boolean {
    return !ASKS_ONLY.has(method) && !this.#isBlind && !credentials.secret;
  }

  get #isBlind(): boolean {
    return this.bases === "site" || this.bases === "off";
  }

  /** The scope of a response's body, given who asked for it. */
  scopeOf(asked: {
    readonly credentials: Credentials;
    readonly addressed?: Addressed | undefined;
    /** GET where left out. */
    readonly method?: string;
    readonly target?: string;
    readonly status: number;
    readonly response: RawHeaders;
  }): Scope {
    // A part of a page is no version of it.
    if (asked.status === PARTIAL_CONTENT) return { kind: "nobody", reason: "partial" };
    if (this.bases === "off") return { kind: "nobody", reason: "off" };
    const says = readResponse(asked.response);
    if (this.bases === "site") return says.noStore ? { kind: "public", retention: "no-store" } : PUBLIC;

    const { credentials } = asked;
    const cookies = credentials.counted(countedSetCookies(says.setCookies, this.#credentials.harmless));
    const isPosted = this.mayBeLogin(credentials, asked.method);
    const saysSo = says.private || says.noStore;
    const personal = saysSo || cookies.length > 0 || isPosted;
    if (credentials.none && !personal) return PUBLIC;

    const retention = says.noStore ? "no-store" : "session";
    // Whoever has such an address has the page: three who were sent it are no evidence that it is everybody's.
    const isCapability = asked.target !== undefined && !credentials.secret && holdsCapability(asked.target);
    const addressed = isCapability || (isPosted && saysSo) ? undefined : asked.addressed;
    if (addressed !== undefined && personal && cookies.length === 0)
      return {
        kind: "session",
        session: addressed.session,
        retention,
        marks: addressed.marks,
        joined: addressed.marks,
        reason: said(says, isPosted),
      };
    if (personal) credentials.noteCompany();
    const owner = credentials.after(cookies);
    // A personal page for a visitor known by nothing secret: whoever else is known by as little is not the same visitor.
    if (owner?.session === undefined || (personal && !owner.secret))
      return {
        kind: "nobody",
        reason: whyNobodys(owner, said(says, isPosted), cookies.length > 0, isCapability),
      };
    // Tokens in headers are renewed and answers to them are personal, so they are no evidence either.
    const ownMarks = personal || owner.hasHeader || isCapability ? undefined : () => owner.marks();
    return {
      kind: "session",
      session: owner.session,
      retention,
      marks: addressed?.marks ?? ownMarks,
      // Renewed tokens are nobody's second self here either; that a cookie takes another's place is told by `kinOf`.
      joined: owner.hasHeader || isCapability ? undefined : () => owner.marks(),
      reason: owner === credentials ? said(says, isPosted) : credentials.none ? "sets-cookie" : "renewed",
    };
  }

  /**
   * Notes what a response makes of who asked; to be called once for each, before `scopeOf`. Undefined where it sets no cookie
   * that counts.
   */
  answered(asked: {
    readonly credentials: Credentials;
    readonly method: string;
    readonly target?: string;
    readonly status: number;
    readonly response: RawHeaders;
    /** The connection itself may be the login. */
    readonly authenticated?: boolean;
    /** Of who shows no secret, where it is known. */
    readonly addressed?: Addressed | undefined;
  }): Answered | undefined {
    const { credentials, response } = asked;
    if (this.#isBlind || !setsCookie(response)) return undefined;
    const { setCookies } = readResponse(response);
    const cookies = credentials.counted(countedSetCookies(setCookies, this.#credentials.harmless));
    if (cookies.length === 0) return undefined;
    const renewal = credentials.answered(cookies);
    const { authenticated = false, target = "", addressed } = asked;
    if (!authenticated && mayRenew(asked) && !holdsCapability(target))
      credentials.told(cookies, target, addressed?.marks().join(""));
    return {
      joined: credentials.none ? [] : [...credentials.marks(), ...credentials.options(cookies)],
      renewal: renewal?.from === undefined || mayRenew(asked) ? renewal : undefined,
    };
  }
}

/** Why a page is its session's alone, as the response says it. */
const said = (says: Said, isPosted: boolean): NoBase => {
  if (says.noStore) return "no-store";
  if (says.private) return "private";
  return isPosted ? "posted" : "new-session";
};

const whyNobodys = (
  owner: Credentials | undefined,
  said: NoBase,
  setsCookies: boolean,
  isCapability: boolean,
): NoBase => {
  if (owner === undefined) return "renewed";
  if (isCapability) return "capability";
  return setsCookies ? "sets-cookie" : said;
};

/** What a response with cookies that count makes of who asked. */
interface Answered {
  /**
   * Marks of one person, before and after: whoever comes with the new ones is who came with the old. Empty where nothing
   * takes an old one's place.
   */
  readonly joined: readonly string[];
  readonly renewal: Renewal | undefined;
}

/**
 * Logins and logouts give a new value as well, and whoever was there before must leave nothing behind: they are posted, or end in a
 * redirect, or say that they clear what the site left at the visitor.
 */
const mayRenew = ({ method, status, response }: Parameters<ScopeRules["answered"]>[0]): boolean =>
  (method === "GET" || method === "HEAD") &&
  (status === 200 || status === 304) &&
  !response.some((name, at) => at % 2 === 0 && /^clear-site-data$/i.test(name));

const setsCookie = (response: RawHeaders): boolean => {
  for (let at = 0; at < response.length; at += 2)
    if (response[at]?.length === 10 && /^set-cookie$/i.test(response[at] ?? "")) return true;
  return false;
};

/** What a response says of its audience: whether it is personal, and whether nothing of it is to be kept for long. */
export const audienceOf = (
  response: RawHeaders,
): { readonly personal: boolean; readonly noStore: boolean } => {
  const { private: isPrivate, noStore } = readResponse(response);
  return { personal: isPrivate || noStore, noStore };
};

/** What a response says of its own audience. */
interface Said {
  private: boolean;
  noStore: boolean;
  readonly setCookies: string[];
}

function readResponse(headers: RawHeaders): Said {
  const said: Said = { private: false, noStore: false, setCookies: [] };
  for (let at = 0; at + 1 < headers.length; at += 2) {
    const field = headers[at] ?? "";
    if (field.length !== "set-cookie".length && field.length !== "cache-control".length) continue;
    const name = field.toLowerCase();
    const value = headers[at + 1] ?? "";
    if (name === "set-cookie") said.setCookies.push(value);
    if (name !== "cache-control") continue;
    const directives = unquoted(value);
    said.private ||= PRIVATE.test(directives);
    said.noStore ||= NO_STORE.test(directives);
  }
  return said;
}

/** A directive on its own or with a value: `private` as much as `private="set-cookie"`. */
const directive = (name: string): RegExp => new RegExp(`(?:^|[\\s,;"])${name}(?=$|[\\s,;="])`, "i");
const PRIVATE = directive("private");
const NO_STORE = directive("no-store");
const QUOTED = /"(?:[^"\\]|\\.|\\$)*("|$)/gs;

/** Without the content of quoted strings; as it is when a quote is never closed, so that it hides no directive. */
function unquoted(value: string): string {
  if (!value.includes('"')) return value;
  let open = false;
  const rest = value.replace(QUOTED, (_, closing: string) => {
    open ||= closing === "";
    return '""';
  });
  return open ? value : rest;
}
