/** One answer, and what making it needs. */

import type { AgreedCodecs, StreamingCodec } from "../../protocol/codec/codecs.ts";
import type { Log } from "../../protocol/daemon/log.ts";
import type { ResponseHead } from "../../protocol/http/head.ts";
import type { Clock } from "../../protocol/runtime/clock.ts";
import type { Load } from "../../protocol/runtime/event-loop-load.ts";
import type { ByteBudget } from "../../protocol/runtime/memory-budget.ts";
import type { Tenant } from "../../protocol/store/tenant.ts";
import type { VersionStore } from "../../protocol/store/version-store.ts";
import type { OriginBody } from "../../protocol/upstream/body.ts";
import type { IncomingExchange } from "../exchange/incoming-exchange.ts";
import type { UsableBase } from "./choose-answer.ts";
import type { StreamContexts } from "./compressor-limits.ts";
import type { KnownSessions } from "./known-sessions.ts";
import type { BodyTags } from "./omit-etag.ts";

/** What every answer needs, on one link. */
export interface AnswerGiven {
  readonly keyId: string;
  readonly clock: Clock;
  readonly store: VersionStore;
  readonly memory: ByteBudget;
  readonly contexts: StreamContexts;
  readonly sessions: KnownSessions;
  /** What was agreed on with this edge, and the codec for bodies that stream. */
  readonly codecs: AgreedCodecs;
  readonly streaming: StreamingCodec;
  readonly load: Load;
  /** The smaller of both sides' largest page. */
  readonly pageBytes: number;
  /** Undefined: this edge wants every tag told. */
  readonly bodyTags?: BodyTags | undefined;
  readonly log: Log;
}

/** One exchange whose response has come. */
export interface Answering {
  readonly exchange: IncomingExchange;
  readonly head: ResponseHead;
  readonly body: OriginBody;
  readonly tenant: Tenant;
  /** The versions that the edge offered and this side holds too, best last. */
  readonly offered: readonly UsableBase[];
  readonly given: AnswerGiven;
}
