/**
 * What the edge's version store has to do with one visit on one link: what it offers, what it remembers, and what it forgets when
 * a delta does not verify. Holding the offered versions here keeps them usable until the visit is over. SPEC section "Scope".
 */

import { OMITTED_ETAGS } from "../../protocol/frames/etag-formulas.ts";
import type { ResponseHead } from "../../protocol/http/head.ts";
import { isOfUnknownType, whyPassed } from "../../protocol/http/why-passed.ts";
import type { Link } from "../../protocol/link/link-api.ts";
import type { Clock } from "../../protocol/runtime/clock.ts";
import type { Lease } from "../../protocol/runtime/memory-budget.ts";
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

/** Whose visit it is, and to what. */
export interface BasesOptions {
  readonly visitor: Pick<
    VisitorRequest,
    "method" | "host" | "authority" | "target" | "fields" | "connection" | "address"
  >;
  /** Its peer is one of the proxies that are believed. */
  readonly fromTrustedProxy: boolean;
  readonly pageKey: PageKey;
  /** What the visitor shows of itself, under these rules. */
  readonly credentials: Credentials;
  /** Who shows no secret, by where he is. */
  readonly addressed?: Addressed | undefined;
  /** He would be `addressed`, if the proxy that he came through were believed. */
  readonly proxyNotTrusted?: boolean;
  /** Who may build on what, for its host. */
  readonly rules: ScopeRules;
  /** Who may read what off the size of its answer. */
  readonly exposure: SizeExposure;
  /** Resolves when memory has what a tier below it has of the page, and is offered then; undefined: what memory has is offered. */
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
  /** Whether heads that leave their tag out were agreed on with the origin side. */
  readonly omittedEtags: boolean;
  readonly link: Link;
  /** The key of the link. */
  readonly keyId: string;
  /** The memory that the visit takes while its page is put together. */
  readonly lease: Lease;
  readonly clock: Clock;
  readonly pageBytes: number;
  readonly #options: BasesOptions;
  readonly #memory: VisitMemory;
  readonly #partition: Partition;
  readonly #peerStore: StoreId;
  readonly #credentials: Credentials;
  /** Its session, while the visit is under way. */
  readonly #audience: SessionVersions | undefined;
  /** The head that the page belongs to, and the tag that it left out. */
  #head: ResponseHead | undefined;
  #tag: RestoredEtag | undefined;
  readonly #wanted: BasesWanted;
  /** Whose its page is, once that is decided. */
  scope: Scope | undefined;
  /** The session goes on under another name. */
  #inherited = false;
  /** The page of this visit, once it is remembered. */
  remembered: Version | undefined;
  /** Whose it is, where common bases may be made of it. */
  #personal: SessionScope | undefined;
  /** It came over a connection that is logged in, or asks to be. */
  #authenticated = false;
  collectedAt: number | undefined;
  #decodeMs: number | undefined;
  #mismatched = false;

  constructor(link: Link, options: BasesOptions) {
    const { visitor, pageKey, credentials, rules, dependencies } = options;
    this.link = link;
    this.#options = options;
    this.clock = dependencies.clock;
    this.pageBytes = dependencies.pageBytes;
    this.keyId = link.keyId;
    this.#peerStore = link.peer.storeId as StoreId;
    this.#partition = partitionOf({ keyId: link.keyId, host: visitor.host });
    this.#credentials = credentials;
    this.#memory = new VisitMemory(dependencies, link.keyId);
    this.lease = this.#memory.lease;
    this.visitorConnection = askedFrom(visitor, options.fromTrustedProxy);
    this.exposure = options.exposure;
    const { session } = credentials;
    this.#audience = session && dependencies.store.enter(this.#partition, session);
    const addressed = options.addressed?.session;
    this.#wanted = {
      partition: this.#partition,
      pageKey,
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
      mayBeLogin: rules.mayBeLogin(credentials, visitor.method),
      mayOffer: this.visitorConnection === undefined && this.exposure !== "foreign",
      lookedFor: options.lookedFor,
    });
    this.session = !credentials.none;
    this.addressed = addressed !== undefined;
    this.omittedEtags = link.peer.features.includes(OMITTED_ETAGS);
  }

  /** Milliseconds spent decoding; undefined where nothing was decoded. */
  get decodeMs(): number | undefined {
    return this.#decodeMs;
  }

  /** A delta did not verify. */
  get mismatched(): boolean {
    return this.#mismatched;
  }

  /** The head of the answer is here; its page is decoded next. `tag`: what the head left out. */
  answered(head: ResponseHead, tag: RestoredEtag | undefined): void {
    this.offers.isOver = true;
    this.#head = head;
    this.#tag = tag;
    const { rules, visitor, dependencies } = this.#options;
    this.#authenticated = isAuthenticated(visitor, head.fields) || this.visitorConnection !== undefined;
    const { status, fields: response } = head;
    const asked = { ...visitor, credentials: this.#credentials, authenticated: this.#authenticated };
    const answered = rules.answered({ ...asked, status, response });
    if (answered === undefined || this.#authenticated) return;
    // Whoever was given a new cookie stays the same person.
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
    return scope.kind === "nobody" && isPersonal && this.#options.proxyNotTrusted === true
      ? "proxy-not-trusted"
      : reason;
  }

  /** The visit is over on this link: gives its memory back, and lets common bases learn of its page. */
  over(answerBytes: number): void {
    this.offers.isOver = true;
    this.#memory.release();
    if (this.#audience !== undefined) this.#options.dependencies.store.leave(this.#partition, this.#audience);
    if (this.remembered === undefined || this.#personal === undefined) return;
    const { pageKey, dependencies } = this.#options;
    dependencies.commonBases.visited({
      version: this.remembered,
      scope: this.#personal,
      partition: this.#partition,
      pageKey,
      offered: this.offers.versions,
      answerBytes,
      link: this.link,
    });
  }

  // What decoding needs.

  hold(page: Buffer): boolean {
    return this.#memory.hold(page);
  }

  whenRoom(bytes: number): Promise<boolean> {
    return this.#memory.whenRoom(bytes);
  }

  remember(body: Buffer, fingerprint: Fingerprint): void {
    const head = this.#head;
    if (head === undefined) return;
    this.#tag?.madeOf(body, fingerprint);
    const { visitor, pageKey, rules, dependencies, addressed } = this.#options;
    // Whose page it is no field tells: the connection itself is the credential.
    if (this.#authenticated || this.exposure === "foreign") return;
    const scope = rules.scopeOf({
      credentials: this.#credentials,
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
      ...pageKey,
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
    this.#mismatched = true;
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
    this.#decodeMs = (this.#decodeMs ?? 0) + ms;
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
