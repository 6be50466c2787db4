/**
 * What dictionaries for browsers have to do with one visit: which one its answer may be coded with, what its head tells of them, and what
 * its page teaches. RFC 9842, docs/dictionaries.md.
 */
import { dictionaryCodings } from "../../protocol/http/accept-encoding.ts";
import type { ResponseHead } from "../../protocol/http/head.ts";
import type { HeaderList } from "../../protocol/http/header-list.ts";
import { isCoded, isUntouchable } from "../../protocol/http/representation.ts";
import { holdsCapability } from "../../protocol/scope/capability-url.ts";
import type { SessionKey } from "../../protocol/scope/credentials.ts";
import type { NoBase } from "../../protocol/scope/no-base.ts";
import type { Scope } from "../../protocol/scope/scope.ts";
import type { Fingerprint } from "../../protocol/store/fingerprint.ts";
import { pageKeyOf } from "../../protocol/store/page-key.ts";
import { type Partition, partitionOf } from "../../protocol/store/partition.ts";
import { isFoundBy } from "../../protocol/store/stored-version.ts";
import type { Version } from "../../protocol/store/version-store.ts";
import { type CompressOptions, sendWhole } from "../compress/send-compressed.ts";
import { availableDictionary, type Dictionary } from "../dictionaries/available-dictionary.ts";
import {
  asDictionary,
  isChromium,
  isForDocument,
  isForPageOrFetch,
  isHtml,
  isNamedDictionary,
  isPageOrJson,
  isVersionedFile,
  linked,
  mayUseDictionary,
} from "../dictionaries/dictionary-heads.ts";
import { DICTIONARY_PATH, LIFE_S } from "../dictionaries/site-dictionaries.ts";
import { COMPLETE } from "../exchange/answer-frames.ts";
import type { SizeExposure } from "../exchange/size-exposure.ts";
import type { Visitor } from "../exchange/visitor.ts";
import { placeOf } from "../exchange/visitor-address.ts";
import { cameByHttps } from "../exchange/visitor-request.ts";
import { errorPage } from "../http/errors/error-page.ts";
import { answerInPlace } from "./answer-in-place.ts";
import type { ServeDependencies } from "./dependencies.ts";
import type { HostRules } from "./served-hosts.ts";
import type { Visit } from "./visit.ts";

/** Why an answer to a visitor without any credential is a session's, by its head alone. */
const FOR_STRANGERS: ReadonlySet<NoBase | undefined> = new Set(["private", "no-store", "sets-cookie"]);

/** False where the host wants none, or what the visitor sends may be read by others. */
export const takesDictionaries = (visitor: Visitor, rules: HostRules, fromTrustedProxy: boolean): boolean =>
  rules.dictionaries !== "off" && visitor.compress && cameByHttps(visitor, fromTrustedProxy);

export class VisitDictionaries {
  readonly #visitor: Visitor;
  readonly #rules: HostRules;
  readonly #dependencies: ServeDependencies;
  readonly #keyId: string;

  /** `keyId`: of the link that serves it. */
  constructor(visitor: Visitor, rules: HostRules, dependencies: ServeDependencies, keyId: string) {
    this.#visitor = visitor;
    this.#rules = rules;
    this.#dependencies = dependencies;
    this.#keyId = keyId;
  }

  /** With which an answer under this head may be coded. */
  available(head: ResponseHead, exposure: SizeExposure): Dictionary | undefined {
    const audience = this.#rules.frontHeedsVary ? "caches" : "visitor";
    if (audience === "visitor" && !mayUseDictionary(head)) return undefined;
    const found = availableDictionary(this.#visitor, exposure, (name) => this.#find(name));
    return found && { ...found, audience };
  }

  /** The head with what it tells this browser. */
  announcing(head: ResponseHead): ResponseHead {
    const { method, fields, host, target } = this.#visitor;
    if (head.status !== 200 || (method !== "GET" && method !== "HEAD") || !isChromium(fields)) return head;
    if (isVersionedFile(target, head)) return asDictionary(target, head);
    if (!isForDocument(fields) || !isHtml(head)) return head;
    const site = this.#dependencies.siteDictionaries.of(host);
    return site === undefined ? head : linked(head, site.path);
  }

  /** Whether the page under this head can be of use to others, and is worth being remembered for them. */
  mayTeach(head: ResponseHead): boolean {
    const { method, target, host } = this.#visitor;
    if (method !== "GET" || head.status !== 200 || isCoded(head.fields)) return false;
    if (isVersionedFile(target, head) || isNamedDictionary(head)) return true;
    return isPageOrJson(head) && this.#dependencies.siteDictionaries.wants(host);
  }

  /** A page has been sent to a visitor in this scope. */
  learn(head: ResponseHead, version: Version | undefined, scope: Scope | undefined): void {
    const { host, target, fields, method } = this.#visitor;
    if (version === undefined || scope === undefined || method !== "GET" || head.status !== 200) return;
    const { hosts, siteDictionaries } = this.#dependencies;
    if (
      !siteDictionaries.wants(host) ||
      !isPageOrJson(head) ||
      !this.#isForAll(scope) ||
      holdsCapability(target)
    )
      return;
    if (!this.#rules.scope.showsNothing(fields, host)) return;
    const place = placeOf(this.#visitor, (address) => hosts.trusts(address));
    if (place === undefined) return;
    siteDictionaries.visited({
      host,
      keyId: this.#keyId,
      partition: this.#partition,
      pageKey: pageKeyOf(target),
      version,
      network: place.network,
    });
  }

  /** Whether what the response says of its audience lets others be told of pieces that it has in common. */
  #isForAll(scope: Scope): boolean {
    if (scope.kind === "public") return scope.retention === "keep" || this.#rules.dictionaries === "on";
    // Who has shown nothing is asked for already: a first answer that gives a session shows what every stranger is shown.
    const forStrangers = scope.kind === "session" && FOR_STRANGERS.has(scope.reason);
    return forStrangers && this.#rules.dictionaries === "on";
  }

  get #partition(): Partition {
    return partitionOf({ keyId: this.#keyId, host: this.#visitor.host });
  }

  /** Only of what everybody was told, or this very session. */
  #find(name: Fingerprint): Buffer | undefined {
    const { host, fields } = this.#visitor;
    const { store, siteDictionaries } = this.#dependencies;
    const site = isForPageOrFetch(fields)
      ? siteDictionaries.find(host, (each) => each.name === name)
      : undefined;
    if (site !== undefined) return site.body;
    const version = store.find(this.#partition, name);
    if (version === undefined) return undefined;
    const session: SessionKey | undefined = this.#rules.scope.credentialsOf(fields, host).session;
    return isFoundBy(version, session) ? version.body : undefined;
  }
}

/** Whether a request is for the dictionary of a site, whether or not that exists. */
export const isForDictionary = ({ target, method }: Visitor, { dictionaries }: HostRules): boolean =>
  target.startsWith(DICTIONARY_PATH) && dictionaries !== "off" && (method === "GET" || method === "HEAD");

/**
 * For all, as one that names destinations would come before the files' own (RFC 9842 section 2.2.3). Only to pages of
 * the site itself; no proxy keeps it, so that it can be forgotten.
 */
const dictionaryHead = (bytes: number): ResponseHead => ({
  status: 200,
  reason: "OK",
  fields: [
    "Content-Type",
    "text/plain; charset=utf-8",
    "Content-Length",
    String(bytes),
    "Cache-Control",
    `private, max-age=${LIFE_S}, immutable`,
    "Use-As-Dictionary",
    'match="/*"',
    "Cross-Origin-Resource-Policy",
    "same-origin",
    "X-Content-Type-Options",
    "nosniff",
  ],
});

/** Answers with the dictionary of the site. */
export const serveDictionary = async (
  visit: Visit,
  { keyId }: HostRules,
  { encoders, varying, siteDictionaries }: ServeDependencies,
): Promise<void> => {
  const { visitor } = visit;
  const leaving: CompressOptions["leaving"] = (head) => visit.headLeaves(head);
  const found = siteDictionaries.find(visitor.host, ({ path }) => path === visitor.target);
  if (found === undefined) {
    const { fields, body } = errorPage(404);
    return answerInPlace(visit, leaving({ status: 404, reason: "Not Found", fields }), body);
  }
  visit.responds(200);
  const { body, copies } = found;
  const head = dictionaryHead(body.length);
  await sendWhole(
    { visitor, encoders, varying, keyId, leaving, head, memory: { hold: () => true }, exposure: "none" },
    { page: body, end: COMPLETE },
    {
      worthKeeping: true,
      findCopy: (coding) => copies.get(coding),
      keepCopy: (coding, copy) => void copies.set(coding, copy),
    },
  );
};

/** The head of a request whose answer is to come uncoded, for the edge to code; of whoever takes no dictionaries, as it is. */
export const askedPlain = (head: HeaderList, { fields }: Visitor): HeaderList => {
  const mayTake = isChromium(fields) || dictionaryCodings(fields).length > 0;
  if (!mayTake || isUntouchable(fields)) return head;
  return head.flatMap((name, i) =>
    i % 2 === 1 || name.toLowerCase() === "accept-encoding" ? [] : [name, head[i + 1] ?? ""],
  );
};
