/**
 * What the edge's version store has to do with one visit: what it offers, what it remembers, and what it forgets when a
 * delta does not prove. Holding the offered versions here keeps them usable until the visit is over. SPEC section "Scope".
 */

import { BODY_TAGS } from "../../protocol/frames/etag-formulas.ts";
import type { ResponseHead } from "../../protocol/http/head.ts";
import type { Link } from "../../protocol/link/link-api.ts";
import type { Credentials } from "../../protocol/scope/credentials.ts";
import type { ScopeRules, SessionScope } from "../../protocol/scope/scope.ts";
import { type Fingerprint, printable } from "../../protocol/store/fingerprint.ts";
import type { PageKey } from "../../protocol/store/page-key.ts";
import { type Tenant, tenantOf } from "../../protocol/store/tenant.ts";
import type { StoreId, Version } from "../../protocol/store/version-store.ts";
import type { RebuildGiven } from "../answer/decode-context.ts";
import { chooseBases } from "../bases/choose-bases.ts";
import type { PageCopies } from "../compress/page-copies.ts";
import type { VisitRecord } from "../exchange/access-record.ts";
import { VisitMemory } from "../exchange/visit-memory.ts";
import type { Visitor } from "../exchange/visitor.ts";
import type { ServeGiven, Visit } from "./visit.ts";

export class PageVersions {
  /** Best last. */
  readonly offered: readonly Version[];
  /** What the visit takes, until it is over. */
  readonly memory: VisitMemory;
  /** Of the link that serves the visit: whose memory it takes. */
  readonly keyId: string;
  readonly #visitor: Visitor;
  readonly #given: ServeGiven;
  readonly #rules: ScopeRules;
  readonly #tenant: Tenant;
  readonly #pageKey: PageKey;
  readonly #peerStore: StoreId;
  readonly #credentials: Credentials;
  /** The page of this visit, once it is remembered. */
  #remembered: Version | undefined;
  readonly #link: Link;
  /** Whose it is, where common bases may be made of it. */
  #personal: SessionScope | undefined;
  #decodeMs: number | undefined;
  #doubted = false;

  constructor(
    link: Link,
    { visitor, pageKey, rules, given }: Pick<Visit, "visitor" | "pageKey" | "rules" | "given">,
  ) {
    this.#visitor = visitor;
    this.#given = given;
    this.#link = link;
    this.#rules = rules.scope;
    this.keyId = link.keyId;
    this.#tenant = tenantOf({ keyId: link.keyId, host: visitor.host });
    this.#pageKey = pageKey;
    this.#peerStore = link.peer.storeId as StoreId;
    this.#credentials = this.#rules.credentialsOf(visitor.fields);
    this.memory = new VisitMemory(given, link.keyId);
    this.offered = chooseBases(given.store, {
      tenant: this.#tenant,
      pageKey: this.#pageKey,
      session: this.#credentials.session,
      bases: this.#rules.bases,
      commonBases: this.#rules.commonBases,
      peerStore: this.#peerStore,
    });
  }

  /** Whether the visitor showed anything that makes a session. */
  get session(): boolean {
    return !this.#credentials.none;
  }

  /** Whether heads that leave their tag out were agreed on with the origin side. */
  get bodyTags(): boolean {
    return this.#link.peer.features.includes(BODY_TAGS);
  }

  /** What rebuilding the page of this response needs. */
  rebuilding(head: ResponseHead): RebuildGiven {
    this.#noteKin(head);
    return {
      offered: this.offered,
      clock: this.#given.clock,
      pageBytes: this.#given.pageBytes,
      lease: this.memory.lease,
      hold: (page) => this.memory.hold(page),
      whenRoom: (bytes) => this.memory.whenRoom(bytes),
      remember: (body, fingerprint) => this.#remember(head, body, fingerprint),
      doubted: (bases) => this.#forget(bases),
      decoded: (ms) => {
        this.#decodeMs = (this.#decodeMs ?? 0) + ms;
      },
    };
  }

  /** Of the page that this visit remembered. */
  get copies(): PageCopies {
    const { store } = this.#given;
    const version = this.#remembered;
    return {
      worthKeeping: version !== undefined && this.offered.includes(version),
      find: (coding) => version && store.copyOf(version, coding),
      keep: (coding, copy) => version && store.keepCopy(version, coding, copy),
    };
  }

  /** The visit is over: gives its memory back, and notes what the access log should know. */
  over(record: VisitRecord): void {
    this.memory.release();
    record.bases = this.offered.length;
    if (this.#decodeMs !== undefined) record.decodeMs = this.#decodeMs;
    if (this.#doubted) record.doubted = true;
    if (this.#remembered !== undefined && this.#personal !== undefined)
      this.#given.commonBases.visited({
        version: this.#remembered,
        scope: this.#personal,
        tenant: this.#tenant,
        pageKey: this.#pageKey,
        offered: this.offered,
        answerBytes: record.answerBytes ?? 0,
        link: this.#link,
      });
  }

  #remember(head: ResponseHead, body: Buffer, fingerprint: Fingerprint): void {
    const scope = this.#rules.scopeOf({
      credentials: this.#credentials,
      status: head.status,
      response: head.fields,
    });
    this.#remembered = this.#given.store.remember(this.#tenant, {
      ...this.#pageKey,
      body,
      fingerprint,
      scope,
      from: this.#peerStore,
    });
    if (scope.kind === "session" && this.#rules.commonBases) this.#personal = scope;
  }

  /** Whoever was given a new cookie stays the same person. */
  #noteKin(head: ResponseHead): void {
    if (!this.#rules.commonBases) return;
    const marks = this.#rules.kinOf({ credentials: this.#credentials, response: head.fields });
    if (marks.length > 0) this.#given.commonBases.samePerson(this.#tenant, marks);
  }

  #forget(bases: readonly Version[]): void {
    this.#doubted = true;
    const { host, target } = this.#visitor;
    const fingerprints = bases.map(({ fingerprint }) => fingerprint);
    this.#given.log.warn("delta did not prove", { host, target, bases: fingerprints.map(printable) });
    this.#given.store.forgetVersions(this.#tenant, fingerprints);
  }
}
