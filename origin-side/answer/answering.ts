/** One answer, and what making it needs. */

import type { AgreedCodecs, StreamingCodec } from "../../protocol/codec/codecs.ts";
import type { Log } from "../../protocol/daemon/log.ts";
import type { ResponseHead } from "../../protocol/http/head.ts";
import type { Clock } from "../../protocol/runtime/clock.ts";
import type { Load } from "../../protocol/runtime/event-loop-load.ts";
import type { MemoryBudget } from "../../protocol/runtime/memory-budget.ts";
import type { PageKey } from "../../protocol/store/page-key.ts";
import type { Partition } from "../../protocol/store/partition.ts";
import type { VersionStore } from "../../protocol/store/version-store.ts";
import type { UpstreamBody } from "../../protocol/upstream/body.ts";
import type { IncomingExchange } from "../exchange/incoming-exchange.ts";
import type { UsableBase } from "./choose-answer.ts";
import type { CodecTrust } from "./codec-trust.ts";
import type { CodedCopy } from "./coded-copy.ts";
import type { CompressorLimits } from "./compressor-limits.ts";
import type { KnownSessions } from "./known-sessions.ts";
import type { OmittedEtags } from "./omit-etag.ts";

/** What every answer needs, on one link. */
export interface AnswerDependencies {
  readonly keyId: string;
  readonly clock: Clock;
  readonly store: VersionStore;
  readonly memory: MemoryBudget;
  readonly contexts: CompressorLimits;
  readonly sessions: KnownSessions;
  /** What was agreed on with this edge, and the codec for bodies that stream. */
  readonly codecs: AgreedCodecs;
  readonly trust: Pick<CodecTrust, "mistrusts" | "mismatched">;
  readonly streaming: StreamingCodec;
  readonly load: Load;
  /** This edge reads folded pages. */
  readonly foldsTokens: boolean;
  /** This edge reads splices of whole units that stream, or are told in units. */
  readonly readsUnits: boolean;
  /** This edge reads mixed splices. */
  readonly readsMixed: boolean;
  /** This edge reads splices that are mixed in units. */
  readonly readsMixedUnits: boolean;
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
