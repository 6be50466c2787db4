/**
 * What a request shows of who sent it: Authorization and fields like it, and the cookies that count. Same credentials, same session; the
 * session's key is a keyed hash, so that nothing kept or logged can be turned back into a cookie. Parsing leans one way:
 * whatever is unclear counts as a credential, since that costs a base and the opposite could cost a secret. SPEC
 * section "Scope".
 */
import { createHmac, type KeyObject } from "node:crypto";
import { isCredentialHeader, isKnownCredential } from "./credential-headers.ts";

/** The name of a session: 16 latin1 characters of a keyed hash. */
export type SessionKey = string & { readonly __brand: "SessionKey" };

/** Header names and values in turn, as they came (node's `rawHeaders`). */
export type RawHeaders = readonly string[];

const SESSION_KEY_BYTES = 16;
/** A cookie value at least this long may be a secret; shorter ones are languages, currencies, flags. @internal */
export const LEAST_SECRET_CHARS = 16;
/** Shorter values do not tell people apart: half of all visitors send `lang=en`. @internal */
export const LEAST_TELLING_CHARS = 8;
/** A request with more credentials than this is not asked for marks: each costs a hash. @internal */
export const MOST_MARKS = 32;
/** A mark is this many latin1 characters. */
export const MARK_CHARS = 8;

/** Cookies that do not count, by name. */
export type Harmless = (name: string) => boolean;

interface Credential {
  readonly from: "cookie" | "header";
  readonly name: string;
  readonly value: string;
}

export interface CredentialRules {
  readonly harmless: Harmless;
  /** Lower-case names of headers that are credentials as a whole, beside those that everybody knows (credential-headers). */
  readonly headers: ReadonlySet<string>;
  /** Random, one per daemon and start. */
  readonly secret: KeyObject;
}

/** Where a visitor is, as far as that is certain. */
export interface VisitorPlace {
  /** The address, or of IPv6 its /64: what one owner has. */
  readonly owner: string;
  /** Those who may be one person. */
  readonly network: string;
}

/** A visitor who shows no secret, known by where he is. */
export interface Addressed {
  readonly session: SessionKey;
  /** Of his network: three of them are people enough. */
  marks(): readonly string[];
}

export class Credentials {
  readonly #rules: CredentialRules;
  readonly #all: readonly Credential[];
  #session: SessionKey | undefined;

  private constructor(rules: CredentialRules, all: readonly Credential[]) {
    this.#rules = rules;
    this.#all = all;
  }

  static of(rules: CredentialRules, headers: RawHeaders): Credentials {
    const all: Credential[] = [];
    for (let at = 0; at + 1 < headers.length; at += 2) {
      const name = (headers[at] ?? "").toLowerCase();
      const value = headers[at + 1] ?? "";
      if (name === "cookie") addCookies(all, value, rules.harmless);
      else if (rules.headers.has(name) || isCredentialHeader(name)) all.push({ from: "header", name, value });
    }
    return new Credentials(rules, all);
  }

  /** Whether there are none: a visitor like any other. */
  get none(): boolean {
    return this.#all.length === 0;
  }

  /** Whether anything here could be known to its owner alone. */
  get secret(): boolean {
    return this.#all.some((each) => this.#isSecret(each));
  }

  get hasHeader(): boolean {
    return this.#all.some(({ from }) => from === "header");
  }

  /** The session these credentials open; undefined without any. Computed once, and only when asked. */
  get session(): SessionKey | undefined {
    if (this.none) return undefined;
    this.#session ??= this.#hash(this.#all.map(encoded).sort().join(""), SESSION_KEY_BYTES) as SessionKey;
    return this.#session;
  }

  /** Undefined for who shows a secret, or what may be one. No address is kept: all of it is hashed. */
  at({ owner, network }: VisitorPlace): Addressed | undefined {
    if (this.secret || this.hasHeader) return undefined;
    const shown = this.#all.map(encoded).sort().join("");
    return {
      session: this.#hash(`address ${owner} ${shown}`, SESSION_KEY_BYTES) as SessionKey,
      marks: () => [this.#hash(`network ${network}`, MARK_CHARS)],
    };
  }

  /**
   * What the visitor will send next, having received these cookies (`Set-Cookie` values without the harmless ones).
   * Undefined when the response takes a credential away or puts something short in its place (`deleted`, `guest`): what
   * was made for the old credentials must not be found by all who hold the new ones.
   */
  after(cookies: readonly SetCookie[]): Credentials | undefined {
    if (cookies.length === 0) return this;
    // What was there of each name, then what each cookie of the response makes of it: a response may set as many as there are.
    const valuesOf = new Map<string, ReadonlySet<string>>();
    for (const [name, same] of Map.groupBy(this.#all.filter(isCookie), ({ name }) => name))
      valuesOf.set(name, new Set(same.map(({ value }) => value)));
    const set = new Map<string, Credential>();
    for (const { name, value, removed } of cookies) {
      const held = valuesOf.get(name) ?? NO_VALUES;
      const lost = held.size > 0 && (removed || held.size > 1 || !held.has(value));
      if (lost && (removed || value.length < LEAST_SECRET_CHARS)) return undefined;
      valuesOf.set(name, removed ? NO_VALUES : new Set([value]));
      set.delete(name);
      if (!removed) set.set(name, { from: "cookie", name, value });
    }
    const named = new Set(cookies.map(({ name }) => name));
    const kept = this.#all.filter((each) => !isCookie(each) || !named.has(each.name));
    return new Credentials(this.#rules, [...kept, ...set.values()]);
  }

  /** A short hash of each credential that tells people apart; two sessions with a mark in common may be one person. */
  marks(): string[] {
    const telling = this.#all.filter(({ value }) => value.length >= LEAST_TELLING_CHARS);
    if (telling.length > MOST_MARKS) return [];
    return telling.map((credential) => this.#hash(encoded(credential), MARK_CHARS));
  }

  /** Marks of cookies that a response gives to who showed these credentials. */
  options(cookies: readonly SetCookie[]): string[] {
    const all = cookies.flatMap(({ name, value, removed }) =>
      removed ? [] : [{ from: "cookie", name, value } as const],
    );
    return new Credentials(this.#rules, all).marks();
  }

  /** A short value is no secret, and of a header that only sounds like one nobody knows. */
  #isSecret({ from, name, value }: Credential): boolean {
    if (from === "header" && (name === "authorization" || this.#rules.headers.has(name))) return true;
    return value.length >= LEAST_SECRET_CHARS && (from === "cookie" || isKnownCredential(name));
  }

  #hash(text: string, bytes: number): string {
    return createHmac("sha256", this.#rules.secret).update(text).digest("binary").slice(0, bytes);
  }
}

const NO_VALUES: ReadonlySet<string> = new Set();

const isCookie = ({ from }: Credential): boolean => from === "cookie";

/** Lengths come first, so that no two lists of credentials read the same. */
const encoded = ({ from, name, value }: Credential): string =>
  `${from} ${name.length} ${value.length} ${name}${value}`;

/** Splits at every `;`, also inside quotes, as browsers do. */
function addCookies(all: Credential[], header: string, harmless: Harmless): void {
  for (const part of header.split(";")) {
    const pair = pairOf(part);
    if (counts(pair, harmless)) all.push({ from: "cookie", ...pair });
  }
}

interface Pair {
  readonly name: string;
  readonly value: string;
}

/** A value with a comma or a quote may hide a second pair from servers that read it otherwise: no name excuses it. */
const counts = ({ name, value }: Pair, harmless: Harmless): boolean =>
  (name !== "" || value !== "") && (!harmless(name) || /[,"]/.test(value));

/** Without `=` the whole is the value of a cookie without a name (RFC 6265bis 5.6). */
function pairOf(text: string): Pair {
  const equals = text.indexOf("=");
  if (equals < 0) return { name: "", value: text.trim() };
  return { name: text.slice(0, equals).trim(), value: text.slice(equals + 1).trim() };
}

export interface SetCookie extends Pair {
  /** The visitor is told to drop it. */
  readonly removed: boolean;
}

const MAX_AGE = /;\s*max-age\s*=\s*(-?\d+)/gi;

/**
 * Of the values of Set-Cookie headers, those that count. `Expires` is not read: a cookie that is removed by date alone
 * gets an empty or short value, which `after` treats alike.
 */
export function countedSetCookies(headers: readonly string[], harmless: Harmless): SetCookie[] {
  const counted: SetCookie[] = [];
  for (const header of headers) {
    const end = header.indexOf(";");
    const pair = pairOf(end < 0 ? header : header.slice(0, end));
    if (!counts(pair, harmless)) continue;
    const age = end < 0 ? undefined : [...header.slice(end).matchAll(MAX_AGE)].at(-1)?.[1];
    counted.push({ ...pair, removed: pair.value === "" || (age !== undefined && Number(age) <= 0) });
  }
  return counted;
}
