/**
 * What the edge's version store has to do with one visit on one link: what it offers, what it remembers, and what it forgets when
 * a delta does not prove. Holding the offered versions here keeps them usable until the visit is over. SPEC section "Scope".
 */

import { BODY_TAGS } from "../../protocol/frames/etag-formulas.ts";
import type { ResponseHead } from "../../protocol/http/head.ts";
import type { Link } from "../../protocol/link/link-api.ts";
import type { Clock } from "../../protocol/runtime/clock.ts";
import type { Lease } from "../../protocol/runtime/memory-budget.ts";
import type { Credentials } from "../../protocol/scope/credentials.ts";
import type { ScopeRules, SessionScope } from "../../protocol/scope/scope.ts";
import { type Fingerprint, printable } from "../../protocol/store/fingerprint.ts";
import type { PageKey } from "../../protocol/store/page-key.ts";
import { type Tenant, tenantOf } from "../../protocol/store/tenant.ts";
import type { StoreId, Version } from "../../protocol/store/version-store.ts";
import type { DecodeContext } from "../answer/decode-context.ts";
import { type LeftOutTag, tagResumed } from "../answer/restore-etag.ts";
import { chooseBases } from "../bases/choose-bases.ts";
import type { PageCopies } from "../compress/page-copies.ts";
import { VisitMemory } from "../exchange/visit-memory.ts";
import type { VisitorRequest } from "../exchange/visitor-request.ts";
import type { ServeDependencies } from "./dependencies.ts";

/** Whose visit it is, and to what. */
export interface BasesOptions {
  readonly visitor: Pick<VisitorRequest, "host" | "target" | "fields">;
  readonly pageKey: PageKey;
  /** Who may build on what, for its host. */
  readonly rules: ScopeRules;
  readonly given: Pick<
    ServeDependencies,
    "clock" | "log" | "store" | "commonBases" | "memory" | "heldPages" | "pageBytes"
  >;
}

export class VisitBases implements DecodeContext, PageCopies {
  /** Best last. */
  readonly offered: readonly Version[];
  /** The names under which they are offered. */
  readonly shorts: readonly string[];
  /** Whether the visitor showed anything that makes a session. */
  readonly session: boolean;
  /** Whether heads that leave their tag out were agreed on with the origin side. */
  readonly bodyTags: boolean;
  readonly link: Link;
  /** The memory that the visit takes while its page is put together. */
  readonly lease: Lease;
  readonly clock: Clock;
  readonly pageBytes: number;
  readonly #options: BasesOptions;
  readonly #memory: VisitMemory;
  readonly #tenant: Tenant;
  readonly #credentials: Credentials;
  /** The head that the page belongs to, and the tag that it left out. */
  #head: ResponseHead | undefined;
  #tag: LeftOutTag | undefined;
  /** The page of this visit, once it is remembered. */
  #remembered: Version | undefined;
  /** Whose it is, where common bases may be made of it. */
  #personal: SessionScope | undefined;
  #decodeMs: number | undefined;
  #mismatched = false;

  constructor(link: Link, options: BasesOptions) {
    const { visitor, pageKey, rules, given } = options;
    this.link = link;
    this.#options = options;
    this.clock = given.clock;
    this.pageBytes = given.pageBytes;
    this.#tenant = tenantOf({ keyId: link.keyId, host: visitor.host });
    this.#credentials = rules.credentialsOf(visitor.fields);
    this.#memory = new VisitMemory(given, link.keyId);
    this.lease = this.#memory.lease;
    this.offered = chooseBases(given.store, {
      tenant: this.#tenant,
      pageKey,
      session: this.#credentials.session,
      bases: rules.bases,
      commonBases: rules.commonBases,
      peerStore: link.peer.storeId as StoreId,
    });
    this.shorts = this.offered.map(({ short }) => short);
    this.session = !this.#credentials.none;
    this.bodyTags = link.peer.features.includes(BODY_TAGS);
  }

  /** Milliseconds spent decoding; undefined where nothing was decoded. */
  get decodeMs(): number | undefined {
    return this.#decodeMs;
  }

  /** A delta did not prove. */
  get mismatched(): boolean {
    return this.#mismatched;
  }

  /** The head of the answer is here; its page is decoded next. `tag`: what the head left out. */
  answered(head: ResponseHead, tag: LeftOutTag | undefined): void {
    this.#head = head;
    this.#tag = tag;
    const { rules, given } = this.#options;
    if (!rules.commonBases) return;
    // Whoever was given a new cookie stays the same person.
    const marks = rules.kinOf({ credentials: this.#credentials, response: head.fields });
    if (marks.length > 0) given.commonBases.samePerson(this.#tenant, marks);
  }

  /** The visit is over on this link: gives its memory back, and lets common bases learn of its page. */
  over(answerBytes: number): void {
    this.#memory.release();
    if (this.#remembered === undefined || this.#personal === undefined) return;
    const { pageKey, given } = this.#options;
    given.commonBases.visited({
      version: this.#remembered,
      scope: this.#personal,
      tenant: this.#tenant,
      pageKey,
      offered: this.offered,
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
    const { pageKey, rules, given } = this.#options;
    const scope = rules.scopeOf({
      credentials: this.#credentials,
      status: head.status,
      response: head.fields,
    });
    this.#remembered = given.store.remember(this.#tenant, {
      ...pageKey,
      body,
      fingerprint,
      scope,
      from: this.link.peer.storeId as StoreId,
    });
    if (scope.kind === "session" && rules.commonBases) this.#personal = scope;
  }

  resumed(tag: string | undefined): void {
    tagResumed(this.#tag, tag);
  }

  doubted(bases: readonly Version[]): void {
    this.#mismatched = true;
    const { visitor, given } = this.#options;
    const fingerprints = bases.map(({ fingerprint }) => fingerprint);
    given.log.warn("delta did not prove", {
      host: visitor.host,
      target: visitor.target,
      bases: fingerprints.map(printable),
    });
    given.store.forgetVersions(this.#tenant, fingerprints);
  }

  decoded(ms: number): void {
    this.#decodeMs = (this.#decodeMs ?? 0) + ms;
  }

  // Copies of the page that this visit remembered.

  get worthKeeping(): boolean {
    return this.#remembered !== undefined && this.offered.includes(this.#remembered);
  }

  findCopy(coding: string): Buffer | undefined {
    return this.#remembered && this.#options.given.store.copyOf(this.#remembered, coding);
  }

  keepCopy(coding: string, copy: Buffer): void {
    if (this.#remembered !== undefined) this.#options.given.store.keepCopy(this.#remembered, coding, copy);
  }
}
