/**
 * What the edge's version store has to do with one visit: what it offers, what it remembers, and what it forgets when a
 * delta does not prove. Holding the offered versions here keeps them usable until the visit is over. SPEC section "Scope".
 */
import type { Link } from "../protocol/link/link.ts";
import type { Credentials } from "../protocol/versions/credentials.ts";
import { type Fingerprint, printable } from "../protocol/versions/fingerprint.ts";
import { type PageKey, pageKeyOf } from "../protocol/versions/page-key.ts";
import type { ScopeRules } from "../protocol/versions/scope.ts";
import { type Tenant, tenantOf } from "../protocol/versions/tenant.ts";
import type { StoreId, Version } from "../protocol/versions/version-store.ts";
import type { ResponseHead } from "../protocol/wire/http-head.ts";
import type { VisitRecord } from "./access-record.ts";
import { chooseBases } from "./choose-bases.ts";
import type { RebuildGiven } from "./rebuild-page.ts";
import type { ServeGiven } from "./serve-visitor.ts";
import { VisitMemory } from "./visit-memory.ts";
import type { Visitor } from "./visitor.ts";

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
  #decodeMs: number | undefined;
  #doubted = false;

  constructor(visitor: Visitor, link: Link, rules: ScopeRules, given: ServeGiven) {
    this.#visitor = visitor;
    this.#given = given;
    this.#rules = rules;
    this.keyId = link.keyId;
    this.#tenant = tenantOf({ keyId: link.keyId, host: visitor.host });
    this.#pageKey = pageKeyOf(visitor.target);
    this.#peerStore = link.peer.storeId as StoreId;
    this.#credentials = rules.credentialsOf(visitor.fields);
    this.memory = new VisitMemory(given, link.keyId);
    this.offered = chooseBases(given.store, {
      tenant: this.#tenant,
      pageKey: this.#pageKey,
      session: this.#credentials.session,
      bases: rules.bases,
      peerStore: this.#peerStore,
    });
  }

  /** Whether the visitor showed anything that makes a session. */
  get session(): boolean {
    return !this.#credentials.none;
  }

  /** What rebuilding the page of this response needs. */
  rebuilding(head: ResponseHead): RebuildGiven {
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

  /** The visit is over: gives its memory back. What the access log should know. */
  over(): Partial<VisitRecord> {
    this.memory.release();
    return {
      bases: this.offered.length,
      ...(this.#decodeMs !== undefined && { decodeMs: this.#decodeMs }),
      ...(this.#doubted && { doubted: true }),
    };
  }

  #remember(head: ResponseHead, body: Buffer, fingerprint: Fingerprint): void {
    const scope = this.#rules.scopeOf({
      credentials: this.#credentials,
      status: head.status,
      response: head.fields,
    });
    this.#given.store.remember(this.#tenant, {
      ...this.#pageKey,
      body,
      fingerprint,
      scope,
      from: this.#peerStore,
    });
  }

  #forget(bases: readonly Version[]): void {
    this.#doubted = true;
    const { host, target } = this.#visitor;
    const fingerprints = bases.map(({ fingerprint }) => fingerprint);
    this.#given.log.warn("delta did not prove", { host, target, bases: fingerprints.map(printable) });
    this.#given.store.forgetVersions(this.#tenant, fingerprints);
  }
}
