/** One visit, and what serving it needs. */

import type { Log } from "../../protocol/daemon/log.ts";
import type { RequestHead } from "../../protocol/http/head.ts";
import type { Clock } from "../../protocol/runtime/clock.ts";
import type { ByteBudget } from "../../protocol/runtime/memory-budget.ts";
import type { ScopeRules } from "../../protocol/scope/scope.ts";
import type { PageKey } from "../../protocol/store/page-key.ts";
import type { VersionStore } from "../../protocol/store/version-store.ts";
import type { CommonBases } from "../bases/common/common-bases.ts";
import type { VisitorEncoders } from "../compress/compressor-pool.ts";
import type { VisitRecord } from "../exchange/access-record.ts";
import type { HeldPages } from "../exchange/visit-memory.ts";
import type { Visitor } from "../exchange/visitor.ts";
import type { Trust } from "../exchange/visitor-request.ts";
import type { LinkPool } from "../links/link-pool.ts";
import type { RequestEncoders } from "../request/compressor-pool.ts";

export interface ServeGiven {
  readonly clock: Clock;
  readonly log: Log;
  readonly pool: LinkPool;
  readonly store: VersionStore;
  readonly commonBases: CommonBases;
  readonly memory: ByteBudget;
  readonly heldPages: HeldPages;
  readonly encoders: VisitorEncoders;
  readonly requests: RequestEncoders;
  readonly pageBytes: number;
  readonly originAnswerMs: number;
  readonly trusts: Trust;
  /** Who may build on what, for a host that some key serves. */
  rulesOf(host: string): ScopeRules | undefined;
  finished(record: VisitRecord): void;
}

/** One visit, whichever link serves it. */
export interface Visit {
  readonly visitor: Visitor;
  /** As it goes on. */
  readonly request: RequestHead;
  readonly pageKey: PageKey;
  /** Who may build on what, for its host. */
  readonly rules: ScopeRules;
  readonly record: VisitRecord;
  readonly given: ServeGiven;
}
