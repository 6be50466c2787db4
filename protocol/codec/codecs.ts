/**
 * The only list of codecs, the best first. The hello names what a side speaks, by these numbers; an answer head names the
 * codec of its delta. SPEC section "Codecs".
 */
import type { Codec } from "./codec.ts";
import { foldedCodec } from "./folded.ts";
import { spliceCodec } from "./splice.ts";
import { vcdiffCodec } from "./vcdiff.ts";
import { zstdCodec } from "./zstd.ts";

export type CodecName = "splice" | "zstd" | "vcdiff";

/** A codec that has a streaming form. */
export type StreamingCodec = Codec & { readonly streaming: NonNullable<Codec["streaming"]> };

const BY_NAME: { readonly [Name in CodecName]: Codec } = {
  splice: spliceCodec,
  zstd: zstdCodec,
  vcdiff: vcdiffCodec,
};

/** Each of them on folded pages, where that was agreed on. */
const FOLDED: readonly Codec[] = Object.values(BY_NAME).map(foldedCodec);

/** In order of preference. */
export const CODEC_NAMES: readonly CodecName[] = ["splice", "zstd", "vcdiff"];

/** The codec of bodies that stream, whatever was agreed on for those coded as a whole: every side speaks zstd. */
export const STREAMING_CODEC: StreamingCodec = zstdCodec;

/** What two sides that speak these codecs use for a buffered page. */
export interface AgreedCodecs {
  /** For a page that differs from its base in a few places only, tried first. */
  readonly splice: boolean;
  /** For all others. */
  readonly page: Codec;
}

/** `preferred`: this side's codec ids, the best first. Two sides that share none still speak zstd. */
export const agreedCodecs = (preferred: readonly number[], spoken: readonly number[]): AgreedCodecs => {
  const both = preferred.filter((id) => spoken.includes(id));
  const page = both.map(codecById).find((codec) => codec === zstdCodec || codec === vcdiffCodec);
  return { splice: both.includes(spliceCodec.id), page: page ?? STREAMING_CODEC };
};

export const codecNamed = (name: CodecName): Codec => BY_NAME[name];

/** Undefined for a number that this version does not know. */
export const codecById = (id: number): Codec | undefined => {
  const name = CODEC_NAMES.find((known) => BY_NAME[known].id === id);
  return name ? BY_NAME[name] : FOLDED.find((codec) => codec.id === id);
};

/** As the hello names them. */
export const codecIds = (names: readonly CodecName[]): readonly number[] =>
  names.map((name) => BY_NAME[name].id);
