/**
 * What a request shows of who sent it: Authorization and fields like it, and the cookies that count. Same credentials, same session; the
 * session's key is a keyed hash, so that nothing kept or logged can be turned back into a cookie. Parsing leans one way:
 * whatever is unclear counts as a credential, since that costs a base and the opposite could cost a secret. SPEC
 * section "Scope".
 */
import { createHmac, type KeyObject } from "node:crypto";
import { type CookieChanges, cookieChanges } from "./cookie-changes.ts";
import { type Continued, type CookieHistory, isSettled } from "./cookie-history.ts";
import { countedCookies, type Harmless, mayBeAskedFor, type SetCookie } from "./counted-cookies.ts";
import { type Credential, encoded, isCookie, isShort } from "./credential.ts";
import { isCredentialHeader, isForgeryToken, isKnownCredential } from "./credential-headers.ts";
import type { SessionKey } from "./session-key.ts";

export type { SessionKey } from "./session-key.ts";

/** Header names and values in turn, as they came (node's `rawHeaders`). */
export type RawHeaders = readonly string[];

const SESSION_KEY_BYTES = 16;
/** Shorter values do not tell people apart: half of all visitors send `lang=en`. @internal */
export const LEAST_TELLING_CHARS = 8;
/** A request with more credentials than this is not asked for marks: each costs a hash. @internal */
export const MOST_MARKS = 32;
/** A mark is this many latin1 characters. */
export const MARK_CHARS = 8;

export interface CredentialRules {
  readonly harmless: Harmless;
  /** Lower-case names of headers that are credentials as a whole, beside those that everybody knows (credential-headers). */
  readonly headers: ReadonlySet<string>;
  /** Random, one per daemon and start. */
  readonly secret: KeyObject;
  readonly history: CookieHistory;
}

/** The versions of one session become another's; of undefined: what somebody else left there is nobody's. */
export interface Renewal {
  readonly from: SessionKey | undefined;
  readonly to: SessionKey;
}

/** Where a visitor is, as far as that is certain. */
export interface VisitorPlace {
  /** The address, or of IPv6 its /64: what one owner has. */
  readonly owner: string;
  /** Those who may be one person. */
  readonly network: string;
}

/** A visitor who shows no secret, told from others by address. */
export interface Addressed {
  readonly session: SessionKey;
  /** Of the visitor's network: three of them are people enough. */
  marks(): readonly string[];
}

export class Credentials {
  readonly #rules: CredentialRules;
  readonly #all: readonly Credential[];
  /** Whether there are none: a visitor like any other. */
  readonly none: boolean;
  readonly #host: string | undefined;
  #session: SessionKey | undefined;
  #companyNoted = false;

  private constructor(rules: CredentialRules, all: readonly Credential[], host: string | undefined) {
    this.#rules = rules;
    this.#all = all;
    this.none = all.length === 0;
    this.#host = host;
  }

  /** `host`: that is asked; without it all cookies but those of harmless names count. */
  static of(rules: CredentialRules, headers: RawHeaders, host?: string): Credentials {
    const all: Credential[] = [];
    const tokens: Credential[] = [];
    for (let at = 0; at + 1 < headers.length; at += 2) {
      const name = (headers[at] ?? "").toLowerCase();
      const value = headers[at + 1] ?? "";
      if (name === "cookie") {
        for (const pair of countedCookies(value, rules.harmless))
          if (host === undefined || !rules.history.isEverybodys(host, pair))
            all.push({ from: "cookie", ...pair });
      } else if (rules.headers.has(name)) all.push({ from: "header", name, value });
      else if (isCredentialHeader(name))
        (isForgeryToken(name) ? tokens : all).push({ from: "header", name, value });
    }
    const shown = new Credentials(rules, all, host);
    return tokens.length === 0 || shown.secret ? shown : new Credentials(rules, [...all, ...tokens], host);
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
    this.#session ??= this.#hash(this.#shown().sort().join(""), SESSION_KEY_BYTES) as SessionKey;
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
   * was made for the old credentials must not be found by all who hold the new ones. Settled short values are neither.
   */
  after(cookies: readonly SetCookie[]): Credentials | undefined {
    if (cookies.length === 0) return this;
    const { next, lost, replaced } = this.#changes(cookies);
    return lost || !next.#areSettled(replaced) ? undefined : next;
  }

  /**
   * Notes what these cookies of an answer make of the session; call it before `after`. Returns where its versions go on under
   * another name: a secret has a new value that nobody else was given, and nothing else came or went. Whether the answer may
   * say so at all is not asked here. What somebody else was given too is nobody's secret, and what was left under it is void.
   */
  answered(cookies: readonly SetCookie[]): Renewal | undefined {
    const { history } = this.#rules;
    const { next, given, renewed, replaced, lost, others } = this.#changes(cookies);
    const { session: from } = this;
    let alone = given.length <= MOST_MARKS;
    for (const { credential, isHeld } of given.slice(0, MOST_MARKS))
      alone = history.give(this.#mark(credential), from, isHeld) && alone;
    if (alone && (from === undefined || lost || others)) return undefined;
    if (alone) this.#notesReplaced(replaced, next);
    const to = next.session;
    if (to === undefined) return undefined;
    if (!alone) return { from: undefined, to };
    return next.#areSettled(replaced) && renewed.size > 0 && this.secret ? { from, to } : undefined;
  }

  /**
   * Notes which of these cookies an answer gives to whom, where it may not be a login; call it before `marks`. What the address `target`
   * asks for says nothing of what others are given, nor does what a stranger of no known `network` (a mark) is.
   */
  told(cookies: readonly SetCookie[], target: string, network: string | undefined): void {
    const host = this.#host;
    if (cookies.length > MOST_MARKS || host === undefined) return;
    const { history } = this.#rules;
    for (const { name, value, removed } of cookies) {
      const isHeld = this.#all.some((each) => isCookie(each) && each.name === name && each.value === value);
      if (removed || isHeld) continue;
      const credential: Credential = { from: "cookie", name, value };
      const to = this.session ?? network;
      if (to === undefined) continue;
      if (TIME.test(value)) history.giveTime(host, this.#mark(credential), to);
      else if (this.none && !mayBeAskedFor(value, target))
        history.giveStranger(host, credential, () => this.#mark(credential), to);
    }
  }

  /** Of these cookies of an answer those that count for who asked: what is everybody's does where it takes a credential's place. */
  counted(cookies: readonly SetCookie[]): readonly SetCookie[] {
    const { history } = this.#rules;
    const host = this.#host;
    const counts = (each: SetCookie) =>
      each.removed ||
      host === undefined ||
      !history.isEverybodys(host, each) ||
      this.#all.some((shown) => isCookie(shown) && shown.name === each.name);
    return cookies.every(counts) ? cookies : cookies.filter(counts);
  }

  /** Notes which short cookies its long ones came with: a person's secret does not come with another's. */
  noteCompany(): void {
    if (this.#companyNoted) return;
    this.#companyNoted = true;
    const cookies = this.#all.filter(isCookie);
    const shorts = cookies.filter(({ value }) => isShort(value) && !TIME.test(value));
    if (shorts.length === 0 || shorts.length > MOST_MARKS || cookies.length === shorts.length) return;
    const { history } = this.#rules;
    const marks = shorts.map((short) => ({ name: short.name, mark: this.#mark(short) }));
    for (const long of cookies.filter(({ value }) => !isShort(value)).slice(0, MOST_MARKS)) {
      const mark = this.#mark(long);
      for (const short of marks)
        if (history.continued([mark], short.mark) === undefined) history.came(mark, short.name, short.mark);
    }
  }

  #changes(cookies: readonly SetCookie[]): Omit<CookieChanges, "next"> & { readonly next: Credentials } {
    const changes = cookieChanges(this.#all, cookies);
    return { ...changes, next: new Credentials(this.#rules, changes.next, this.#host) };
  }

  /**
   * A short hash of each credential that tells people apart; two sessions with a mark in common may be one person. A time that several
   * were given is none: all who come in one second would be one.
   */
  marks(): string[] {
    const telling = this.#all.filter(({ value }) => value.length >= LEAST_TELLING_CHARS);
    if (telling.length > MOST_MARKS) return [];
    const { history } = this.#rules;
    return telling.flatMap((credential) => {
      const mark = this.#mark(credential);
      const isShared = TIME.test(credential.value) && history.isSharedTime(this.#host ?? "", mark);
      return isShared ? [] : [mark];
    });
  }

  /** Marks of cookies that a response gives to who showed these credentials. */
  options(cookies: readonly SetCookie[]): string[] {
    const all = cookies.flatMap(({ name, value, removed }) =>
      removed ? [] : [{ from: "cookie", name, value } as const],
    );
    return new Credentials(this.#rules, all, this.#host).marks();
  }

  /** A short value is no secret, and of a header that only sounds like one nobody knows. */
  #isSecret(credential: Credential): boolean {
    const { from, name, value } = credential;
    if (from === "header" && (name === "authorization" || this.#rules.headers.has(name))) return true;
    if (isShort(value)) return false;
    return from === "cookie"
      ? !this.#rules.history.isShared(() => this.#mark(credential))
      : isKnownCredential(name);
  }

  /** All of them, as the session's key is made of them; of a short value that answers replaced, what stands for it. */
  #shown(): string[] {
    const longs = this.#rules.history.continuesAny ? this.#longs() : NO_MARKS;
    return this.#all.map((each) => {
      const continued = this.#continued(each, longs);
      return encoded(continued === undefined ? each : { ...each, value: `\n${continued.first}` });
    });
  }

  /** Marks of what short values are replaced beside: the long ones, or of none the fact that there are none. */
  #longs(): readonly string[] {
    const longs = this.#all.filter(({ value }) => !isShort(value));
    if (longs.length > MOST_LONGS || longs.length === this.#all.length) return NO_MARKS;
    return longs.length === 0 ? [""] : longs.map((each) => this.#mark(each));
  }

  #continued(short: Credential, longs: readonly string[]): Continued | undefined {
    if (longs.length === 0 || !isCookie(short) || !isShort(short.value)) return undefined;
    return this.#rules.history.continued(longs, this.#mark(short));
  }

  /** `next`: what its answer made of these credentials. */
  #notesReplaced(replaced: ReadonlyMap<string, string>, next: Credentials): void {
    if (replaced.size === 0 || replaced.size > MOST_MARKS) return;
    const longs = this.#longs();
    const nextLongs = next.#longs();
    for (const short of next.#all) {
      const old = isCookie(short) ? replaced.get(short.name) : undefined;
      if (old === undefined) continue;
      const before = this.#continued({ ...short, value: old }, longs);
      this.#rules.history.replaced(nextLongs, before, this.#mark(short));
    }
  }

  /** Whether answers have replaced the short values of these names often enough. */
  #areSettled(names: ReadonlyMap<string, unknown>): boolean {
    const longs = names.size > 0 ? this.#longs() : NO_MARKS;
    return this.#all.every(
      (each) => !isCookie(each) || !names.has(each.name) || isSettled(this.#continued(each, longs)),
    );
  }

  #mark(credential: Credential): string {
    return this.#hash(encoded(credential), MARK_CHARS);
  }

  #hash(text: string, bytes: number): string {
    return createHmac("sha256", this.#rules.secret).update(text).digest("binary").slice(0, bytes);
  }
}

/** Beside more long values than this, short ones are what they are. */
const MOST_LONGS = 8;

const NO_MARKS: readonly string[] = [];

/** Seconds or milliseconds of this age: another one each time, and nobody's name. */
const TIME = /^1[6-9]\d{8}(?:\d{3})?$/;
