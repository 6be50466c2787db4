/** One answer, and what making it needs. */

import type { Log } from "../../protocol/daemon/log.ts";
import type { ResponseHead } from "../../protocol/http/head.ts";
import type { Clock } from "../../protocol/runtime/clock.ts";
import type { MemoryBudget } from "../../protocol/runtime/memory-budget.ts";
import type { PageKey } from "../../protocol/store/page-key.ts";
import type { Partition } from "../../protocol/store/partition.ts";
import type { VersionStore } from "../../protocol/store/version-store.ts";
import type { UpstreamBody } from "../../protocol/upstream/body.ts";
import type { IncomingExchange } from "../exchange/incoming-exchange.ts";
import type { CodedCopy } from "./coded-copy.ts";
import type { UsableBase } from "./coding/choose-answer.ts";
import type { CodecTrust } from "./coding/codec-trust.ts";
import type { EncodeDeltaOptions } from "./coding/coded-page.ts";
import type { CompressorLimits } from "./compressor-limits.ts";
import type { KnownSessions } from "./known-sessions.ts";
import type { OmittedEtags } from "./omit-etag.ts";

/** What every answer needs, on one link. */
export interface AnswerDependencies extends EncodeDeltaOptions {
  readonly keyId: string;
  readonly clock: Clock;
  readonly store: VersionStore;
  readonly memory: MemoryBudget;
  readonly contexts: CompressorLimits;
  readonly sessions: KnownSessions;
  readonly trust: Pick<CodecTrust, "mistrusts" | "mismatched">;
  /** The smaller of both sides' largest page. */
  readonly pageBytes: number;
  /** Undefined: this edge wants every tag told. */
  readonly omittedEtags?: OmittedEtags | undefined;
  readonly log: Log;
}

/** One exchange whose response has come. */
export interface Answering {
  readonly exchange: IncomingExchange;
  readonly head: ResponseHead;
  readonly body: UpstreamBody;
  /** The body before its coding was undone; undefined where none was, or the visitor could not get it. */
  readonly coded?: CodedCopy | undefined;
  readonly partition: Partition;
  readonly pageKey: PageKey;
  /** The versions that the edge offered and this side holds too, best last. */
  readonly offered: readonly UsableBase[];
  /** Of which of them whole units only are copied: bit i is set for offer i. */
  readonly wholeUnits: number;
  /** It is a personal page of a visitor who is known by the address alone. */
  readonly addressed: boolean;
  readonly options: AnswerDependencies;
}
