/**
 * What the edge's version store has to do with one visit on one link: what it offers, what it remembers, and what it forgets when
 * a delta does not verify. Holding the offered versions here keeps them usable until the visit is over. SPEC section "Scope".
 */

import { OMITTED_ETAGS } from "../../protocol/frames/etag-formulas.ts";
import type { ResponseHead } from "../../protocol/http/head.ts";
import { isOfUnknownType, whyPassed } from "../../protocol/http/why-passed.ts";
import type { Link } from "../../protocol/link/link-api.ts";
import type { Clock } from "../../protocol/runtime/clock.ts";
import type { Addressed, Credentials } from "../../protocol/scope/credentials.ts";
import type { NoBase } from "../../protocol/scope/no-base.ts";
import type { Scope, ScopeRules, SessionScope } from "../../protocol/scope/scope.ts";
import { type Fingerprint, printable } from "../../protocol/store/fingerprint.ts";
import type { PageKey } from "../../protocol/store/page-key.ts";
import { type Partition, partitionOf } from "../../protocol/store/partition.ts";
import type { SessionVersions, StoreId, Version } from "../../protocol/store/version-store.ts";
import type { DecodeContext } from "../answer/decode-context.ts";
import { type RestoredEtag, tagResumed } from "../answer/restore-etag.ts";
import type { BasesWanted } from "../bases/choose-bases.ts";
import { whyNoneFound } from "../bases/why-none-found.ts";
import type { PageCopies } from "../compress/page-copies.ts";
import { VisitOffers } from "../exchange/offers.ts";
import type { SizeExposure } from "../exchange/size-exposure.ts";
import { VisitMemory } from "../exchange/visit-memory.ts";
import { askedFrom, isAuthenticated } from "../exchange/visitor-connection.ts";
import type { VisitorRequest } from "../exchange/visitor-request.ts";
import type { ServeDependencies } from "./dependencies.ts";

/** What was made of a request before a link was chosen for it. */
export interface AskedBases {
  readonly pageKey: PageKey;
  /** What the visitor shows of itself, under the rules of its host. */
  readonly credentials: Credentials;
  /** A visitor who shows no secret, known by the address. */
  readonly addressed: Addressed | undefined;
  /** The visitor would be `addressed` if the proxy in front were a trusted one. */
  readonly proxyNotTrusted: boolean;
  /** Its fields log its connection in (NTLM, Negotiate), or begin to. */
  readonly logsIn: boolean;
  /** Its peer is a trusted proxy. */
  readonly fromTrustedProxy: boolean;
  /** Who may learn something from the size of its answer. */
  readonly exposure: SizeExposure;
}

/** Whose visit it is, and to what. */
interface BasesOptions {
  readonly visitor: Pick<
    VisitorRequest,
    "method" | "host" | "authority" | "target" | "fields" | "connection" | "address"
  >;
  readonly asked: AskedBases;
  /** Who may build on what, for its host. */
  readonly rules: ScopeRules;
  /**
   * Resolves when memory has what the tiers below it have of the page, which is offered then. Undefined: what memory has is
   * offered at once.
   */
  readonly lookedFor?: Promise<void> | undefined;
  readonly dependencies: Pick<
    ServeDependencies,
    "clock" | "log" | "store" | "commonBases" | "memory" | "heldPages" | "pageBytes" | "untrusted"
  >;
}

export class VisitBases implements DecodeContext, PageCopies {
  readonly offers: VisitOffers;
  /** Whether the visitor showed anything that makes a session. */
  readonly session: boolean;
  /** Whether it is known by its address alone. */
  readonly addressed: boolean;
  /** See `askedFrom`: where it is defined, nothing is offered and nothing remembered. */
  readonly visitorConnection: number | undefined;
  /** Who may read what off the answer's size. */
  readonly exposure: SizeExposure;
  /** Both sides agreed that heads may leave out their ETag. */
  readonly omittedEtags: boolean;
  readonly link: Link;
  /** The key of the link. */
  readonly keyId: string;
  readonly memory: VisitMemory;
  readonly clock: Clock;
  readonly pageBytes: number;
  readonly #options: BasesOptions;
  readonly #partition: Partition;
  readonly #peerStore: StoreId;
  /** Its session, while the visit is under way. */
  readonly #audience: SessionVersions | undefined;
  /** The head that the page belongs to, and the tag that it left out. */
  #head: ResponseHead | undefined;
  #tag: RestoredEtag | undefined;
  readonly #wanted: BasesWanted;
  /** Who may build on its page, once that is decided. */
  scope: Scope | undefined;
  /** The session goes on under another name. */
  #inherited = false;
  /** The page of this visit, once it is remembered. */
  remembered: Version | undefined;
  /** Whose it is, where common bases may be made of it. */
  #personal: SessionScope | undefined;
  /** It came over a connection to the web server that is logged in, or asks to be. */
  #authenticated = false;
  collectedAt: number | undefined;
  /** Milliseconds spent decoding; undefined where nothing was decoded. Written here alone, as the next one. */
  decodeMs: number | undefined;
  /** A delta did not verify. */
  mismatched = false;

  constructor(link: Link, options: BasesOptions) {
    const { visitor, asked, rules, dependencies } = options;
    const { keyId, peer } = link;
    this.link = link;
    this.#options = options;
    this.clock = dependencies.clock;
    this.pageBytes = dependencies.pageBytes;
    this.keyId = keyId;
    this.#peerStore = peer.storeId as StoreId;
    this.#partition = partitionOf({ keyId, host: visitor.host });
    this.memory = new VisitMemory(dependencies, keyId);
    this.visitorConnection = askedFrom(visitor.connection, visitor.fields, asked);
    this.exposure = asked.exposure;
    const { session } = asked.credentials;
    this.#audience = session && dependencies.store.enter(this.#partition, session);
    const addressed = asked.addressed?.session;
    this.#wanted = {
      partition: this.#partition,
      pageKey: asked.pageKey,
      session,
      addressed,
      ownOnly: this.exposure === "navigation",
      bases: rules.bases,
      commonBases: rules.commonBases,
      peerStore: this.#peerStore,
    };
    this.offers = new VisitOffers({
      store: dependencies.store,
      wanted: this.#wanted,
      exposure: this.exposure,
      mayBeLogin: rules.mayBeLogin(asked.credentials, visitor.method),
      mayOffer: this.visitorConnection === undefined && this.exposure !== "foreign",
      lookedFor: options.lookedFor,
    });
    this.session = !asked.credentials.none;
    this.addressed = addressed !== undefined;
    this.omittedEtags = peer.features.includes(OMITTED_ETAGS);
  }

  /** The head of the answer is here; its page is decoded next. `tag`: what the head left out. */
  answered(head: ResponseHead, tag: RestoredEtag | undefined): void {
    this.offers.isOver = true;
    this.#head = head;
    this.#tag = tag;
    const { rules, asked, visitor, dependencies } = this.#options;
    const { status, fields: response } = head;
    this.#authenticated = isAuthenticated(visitor, response) || this.visitorConnection !== undefined;
    const answered = rules.answered({
      credentials: asked.credentials,
      addressed: asked.addressed,
      authenticated: this.#authenticated,
      method: visitor.method,
      target: visitor.target,
      status,
      response,
    });
    if (answered === undefined || this.#authenticated) return;
    // A visitor who is given a new cookie is still the same person.
    if (rules.commonBases && answered.joined.length > 0)
      dependencies.commonBases.samePerson(this.#partition, answered.joined);
    if (answered.renewal === undefined) return;
    dependencies.store.inherit(this.#partition, answered.renewal);
    this.#inherited = answered.renewal.from !== undefined;
  }

  /** Why an answer that came whole had no base, or one that passed could have none. `pageBytes`: of its page. */
  whyNoBase(form: "whole" | "passed", pageBytes: number): NoBase {
    const { visitor, rules, dependencies } = this.#options;
    const head = this.#head;
    if (form === "passed") {
      const asked =
        this.offers.offering.sizes?.kind === "plain"
          ? rules.bases === "off"
            ? "off"
            : "foreign"
          : undefined;
      if (head === undefined) return "origin-side";
      return (
        whyPassed(visitor.method, head) ??
        asked ??
        (isOfUnknownType(head) ? "not-compressible" : "origin-side")
      );
    }
    if (this.offers.versions.length > 0) return "origin-side";
    if (this.#authenticated) return "connection-login";
    if (this.exposure === "foreign") return "foreign";
    const scope = this.scope;
    if (scope === undefined) return pageBytes > this.pageBytes ? "too-large" : "budget";
    if (scope.kind === "nobody") return this.#reasonIn(scope);
    return whyNoneFound(dependencies.store, this.#wanted, this.remembered) ?? this.#reasonIn(scope);
  }

  #reasonIn(scope: Scope): NoBase {
    if (scope.kind === "public") return "first-visit";
    const reason = scope.reason ?? "new-session";
    const goesOn = scope.kind === "session" && (this.#inherited || scope.session === this.#wanted.session);
    if (reason === "renewed" && goesOn) return "new-session";
    const isPersonal = reason === "private" || reason === "no-store" || reason === "posted";
    return scope.kind === "nobody" && isPersonal && this.#options.asked.proxyNotTrusted
      ? "proxy-not-trusted"
      : reason;
  }

  /** The visit is over on this link: gives its memory back, and lets common bases learn of its page. */
  over(answerBytes: number): void {
    this.offers.isOver = true;
    this.memory.release();
    if (this.#audience !== undefined) this.#options.dependencies.store.leave(this.#partition, this.#audience);
    if (this.remembered === undefined || this.#personal === undefined) return;
    const { asked, dependencies } = this.#options;
    dependencies.commonBases.visited({
      version: this.remembered,
      scope: this.#personal,
      partition: this.#partition,
      pageKey: asked.pageKey,
      offered: this.offers.versions,
      answerBytes,
      link: this.link,
    });
  }

  // What decoding needs.

  remember(body: Buffer, fingerprint: Fingerprint): void {
    const head = this.#head;
    if (head === undefined) return;
    this.#tag?.madeOf(body, fingerprint);
    const { visitor, asked, rules, dependencies } = this.#options;
    const { credentials, addressed } = asked;
    // No field tells whose page it is: the connection itself is the credential.
    if (this.#authenticated || this.exposure === "foreign") return;
    const scope = rules.scopeOf({
      credentials,
      addressed,
      method: visitor.method,
      target: visitor.target,
      status: head.status,
      response: head.fields,
    });
    this.scope = scope;
    if (scope.kind === "nobody" && this.#reasonIn(scope) === "proxy-not-trusted")
      dependencies.untrusted.met(visitor);
    this.remembered = dependencies.store.remember(this.#partition, {
      ...asked.pageKey,
      body,
      fingerprint,
      scope,
      from: this.#peerStore,
      memoryOnly: scope.kind === "session" && scope.session === addressed?.session,
    });
    if (scope.kind === "session" && rules.commonBases) this.#personal = scope;
  }

  resumed(tag: string | undefined): void {
    tagResumed(this.#tag, tag);
  }

  onMismatch(bases: readonly Version[]): void {
    this.mismatched = true;
    const { visitor, dependencies } = this.#options;
    const fingerprints = bases.map(({ fingerprint }) => fingerprint);
    dependencies.log.warn("delta did not verify", {
      host: visitor.host,
      target: visitor.target,
      bases: fingerprints.map(printable),
    });
    dependencies.store.forgetVersions(this.#partition, fingerprints);
  }

  decoded(ms: number): void {
    this.decodeMs = (this.decodeMs ?? 0) + ms;
  }

  // Copies of the page that this visit remembered.

  get worthKeeping(): boolean {
    return this.remembered !== undefined && this.offers.versions.includes(this.remembered);
  }

  findCopy(coding: string): Buffer | undefined {
    return this.remembered && this.#options.dependencies.store.copyOf(this.remembered, coding);
  }

  keepCopy(coding: string, copy: Buffer): void {
    if (this.remembered !== undefined)
      this.#options.dependencies.store.keepCopy(this.remembered, coding, copy);
  }
}
