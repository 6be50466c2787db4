/** What coding a page is told and what comes of it, whoever codes it. */
import type { Codec } from "../../../protocol/codec/codec.ts";
import type { AgreedCodecs, StreamingCodec } from "../../../protocol/codec/codecs.ts";
import type { Mixed } from "../../../protocol/codec/splice.ts";
import type { Load } from "../../../protocol/runtime/event-loop-load.ts";
import type { UsableBase } from "./choose-answer.ts";
import type { CodecTrust } from "./codec-trust.ts";
import type { Effort, LinkNow } from "./effort.ts";

/** What is known of one link's edge, and of this process. */
export interface EncodeDeltaOptions {
  /** Agreed on with the edge. */
  readonly codecs: AgreedCodecs;
  readonly trust: Pick<CodecTrust, "mistrusts">;
  /** For bodies that stream, and pages that the agreed codec does not fit. */
  readonly streaming: StreamingCodec;
  readonly load: Load;
  /** The edge reads folded pages. */
  readonly foldsTokens: boolean;
  /** And splices of whole units that stream, or are told in units. */
  readonly readsUnits: boolean;
  /** And splices that are mixed. */
  readonly readsMixed: boolean;
}

/** `load`: of the process, its loop or its thread pool, from 0 to 1, when the page came. */
export interface Work {
  readonly options: EncodeDeltaOptions;
  readonly load: number;
  readonly effort: Effort;
  readonly link: LinkNow;
}

/** A page as it may go out, all of it or while it is coded. */
export interface CodedPage<Coded extends Mixed = Mixed> {
  readonly codec: Codec;
  /** Best last; none: the page is whole. */
  readonly bases: readonly UsableBase[];
  /** What they were chosen of, by size. */
  readonly looked: readonly UsableBase[];
  readonly coded: Coded;
}

/** All of it is coded. */
export type WholeCoded = CodedPage<Buffer>;

/** The second where both are as large. One that leaves while it is coded was chosen already. */
export const smaller = <One extends Mixed>(
  one: CodedPage<One> | undefined,
  other: WholeCoded,
): CodedPage<One> | WholeCoded =>
  one !== undefined && (!Buffer.isBuffer(one.coded) || one.coded.length < other.coded.length) ? one : other;

/** Best last. */
export const bodiesOf = (bases: readonly UsableBase[]): readonly Buffer[] =>
  bases.map(({ version }) => version.body);
