/** What coding a page is told and what comes of it, whoever codes it. */
import type { Codec } from "../../../protocol/codec/codec.ts";
import type { AgreedCodecs, StreamingCodec } from "../../../protocol/codec/codecs.ts";
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

/** A page as it may go out. */
export interface CodedPage {
  readonly codec: Codec;
  /** Best last; none: the page is whole. */
  readonly bases: readonly UsableBase[];
  /** What they were chosen of, by size. */
  readonly looked: readonly UsableBase[];
  readonly coded: Buffer;
}

/** The second where both are as large. */
export const smaller = (one: CodedPage | undefined, other: CodedPage): CodedPage =>
  one !== undefined && one.coded.length < other.coded.length ? one : other;

/** Best last. */
export const bodiesOf = (bases: readonly UsableBase[]): readonly Buffer[] =>
  bases.map(({ version }) => version.body);
