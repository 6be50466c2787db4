/** What serving visitors needs, handed in once. */

import type { Log } from "../../protocol/daemon/log.ts";
import type { Clock } from "../../protocol/runtime/clock.ts";
import type { Load } from "../../protocol/runtime/event-loop-load.ts";
import type { LongLived } from "../../protocol/runtime/long-lived.ts";
import type { MemoryBudget } from "../../protocol/runtime/memory-budget.ts";
import type { VersionStore } from "../../protocol/store/version-store.ts";
import type { CommonBases } from "../bases/common/common-bases.ts";
import type { CompressorPool } from "../compress/compressor-pool.ts";
import type { VaryingPages } from "../compress/varying-pages.ts";
import type { SiteDictionaries } from "../dictionaries/site-dictionaries.ts";
import type { VisitRecord } from "../exchange/access-record.ts";
import type { Observation } from "../exchange/observation.ts";
import type { UntrustedProxies } from "../exchange/untrusted-proxies.ts";
import type { HeldPages } from "../exchange/visit-memory.ts";
import type { LoggedRequest } from "../exchange/visitor.ts";
import type { ErrorPages } from "../http/errors/error-pages.ts";
import type { LinkPool } from "../links/link-pool.ts";
import type { RequestCompressorPool } from "../request/compressor-pool.ts";
import type { Fallbacks } from "../upstream/fallbacks.ts";
import type { HostRules } from "./served-hosts.ts";

export interface ServeDependencies {
  readonly clock: Clock;
  readonly log: Log;
  readonly pool: LinkPool;
  readonly store: VersionStore;
  readonly commonBases: CommonBases;
  readonly memory: MemoryBudget;
  readonly heldPages: HeldPages;
  readonly encoders: CompressorPool;
  readonly load: Load;
  readonly varying: VaryingPages;
  readonly siteDictionaries: SiteDictionaries;
  readonly requests: RequestCompressorPool;
  /** Larger pages stream through and are not remembered. */
  readonly pageBytes: number;
  /** As the last reload left them. */
  readonly times: {
    /** For the web server to answer, while the request waits for nothing but it. */
    readonly originAnswerMs: number;
    /** A request waits so long for a link that is coming. */
    readonly linkMs: number;
    /** Of links. */
    readonly heartbeatMs: number;
  };
  readonly longLived: LongLived;
  readonly hosts: HostTable;
  /** Web servers to ask always, or while no link serves their hosts. */
  readonly fallbacks: Pick<Fallbacks, "of">;
  readonly errorPages: Pick<ErrorPages, "withFallback">;
  readonly untrusted: UntrustedProxies;
  /** What Via calls this edge: no other edge has the same. */
  readonly pseudonym: string;
  readonly observation: Observation;
  /** Gets a line for each visit that is over, and each request that was refused. */
  readonly accessLog: { write(record: VisitRecord, visitor: LoggedRequest): void };
}

/** What is asked of the hosts that are served (served-hosts). */
interface HostTable {
  /** Hosts that need a link. */
  readonly linked: readonly string[];
  /** Undefined where no key serves the host. A reload makes other rules, though they say the same. */
  rulesOf(host: string): HostRules | undefined;
  /** Whether what the peer at this address says of others is believed. */
  trusts(address: string): boolean;
}
