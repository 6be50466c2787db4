/** One exchange of an origin side whose response has come, on a stream without a link and a body that a test pushes. */

import type { AnswerDependencies, Answering } from "../../origin-side/answer/answering.ts";
import type { Gathered } from "../../origin-side/answer/buffer-body.ts";
import type { UsableBase } from "../../origin-side/answer/coding/choose-answer.ts";
import { CompressorLimits } from "../../origin-side/answer/compressor-limits.ts";
import { KnownSessions } from "../../origin-side/answer/known-sessions.ts";
import { OmittedEtags } from "../../origin-side/answer/omit-etag.ts";
import { IncomingExchange } from "../../origin-side/exchange/incoming-exchange.ts";
import type { Codec } from "../../protocol/codec/codec.ts";
import { STREAMING_CODEC } from "../../protocol/codec/codecs.ts";
import { MemoryBudget } from "../../protocol/runtime/memory-budget.ts";
import { fingerprintOf, shortOf } from "../../protocol/store/fingerprint.ts";
import { pageKeyOf } from "../../protocol/store/page-key.ts";
import { partitionOf } from "../../protocol/store/partition.ts";
import { type Version, VersionStore } from "../../protocol/store/version-store.ts";
import { UpstreamBody } from "../../protocol/upstream/body.ts";
import { countedCodec } from "./counted-codec.ts";
import { FakeClock } from "./fake-clock.ts";
import { FakeStream, openOf } from "./fake-stream.ts";
import { silentLog } from "./silent-log.ts";
import { TRUSTED } from "./trusted.ts";

export const versionOf = (body: Buffer): Version => {
  const fingerprint = fingerprintOf(body);
  return { body, fingerprint, short: shortOf(fingerprint), stores: [] };
};

export interface AnsweringOptions {
  readonly bases?: readonly Buffer[];
  readonly codec?: Codec;
  readonly splice?: boolean;
  readonly load?: number;
  readonly pageBytes?: number;
  readonly shareBytes?: number;
  readonly omittedEtags?: boolean;
  readonly addressed?: boolean;
  readonly wholeUnits?: number;
  readonly readsUnits?: boolean;
  /** Of the response, beside its type. */
  readonly fields?: readonly string[];
}

export const answeringOf = (options: AnsweringOptions = {}) => {
  const clock = new FakeClock();
  const stream = new FakeStream();
  const shareBytes = options.shareBytes ?? 1 << 26;
  const memory = new MemoryBudget({ totalBytes: 1 << 26, shareBytes });
  const contexts = new CompressorLimits();
  const streaming = countedCodec(STREAMING_CODEC);
  const dependencies: AnswerDependencies = {
    keyId: "k",
    clock,
    store: new VersionStore({ clock }),
    memory,
    contexts,
    sessions: new KnownSessions(),
    codecs: { splice: options.splice ?? false, page: options.codec ?? STREAMING_CODEC },
    load: () => options.load ?? 0,
    foldsTokens: true,
    readsUnits: options.readsUnits ?? true,
    readsMixed: true,
    trust: TRUSTED,
    streaming: streaming.codec,
    pageBytes: options.pageBytes ?? 1 << 23,
    omittedEtags: options.omittedEtags === true ? new OmittedEtags(() => options.load ?? 0) : undefined,
    log: silentLog,
  };
  const offered: UsableBase[] = (options.bases ?? []).map((body, offer) => ({
    offer,
    version: versionOf(body),
  }));
  const offers = offered.map(({ version }) => version.short);
  const answering: Answering = {
    exchange: new IncomingExchange(stream.asStream, openOf({ offers }), {
      headBytes: 1 << 15,
      codedRequests: true,
    }),
    head: { status: 200, reason: "OK", fields: ["Content-Type", "text/html", ...(options.fields ?? [])] },
    body: new UpstreamBody({ pause() {}, resume() {} }),
    partition: partitionOf({ keyId: "k", host: "www.example.com" }),
    pageKey: pageKeyOf("/"),
    offered,
    wholeUnits: options.wholeUnits ?? 0,
    addressed: options.addressed ?? false,
    options: dependencies,
  };
  return { clock, stream, memory, contexts, options: dependencies, answering, coding: streaming.underWay };
};

/** What was gathered of a body before it had to stream, with its memory taken. */
export const gatheredOf = (pieces: readonly Buffer[], memory: MemoryBudget): Gathered => {
  const lease = memory.lease("k");
  const bytes = pieces.reduce((sum, { length }) => sum + length, 0);
  lease.grow(bytes);
  return { pieces, bytes, end: undefined, failure: undefined, lease, passes: false, waitedMs: 0 };
};
