/**
 * The only list of codecs, the best first. The hello names what a side speaks, by these numbers; an answer head names the
 * codec of its delta. SPEC section "Codecs".
 */
import type { Codec } from "./codec.ts";
import { vcdiffCodec } from "./vcdiff.ts";
import { zstdCodec } from "./zstd.ts";

export type CodecName = "zstd" | "vcdiff";

/** A codec that has a streaming form. */
export type StreamingCodec = Codec & { readonly streaming: NonNullable<Codec["streaming"]> };

const BY_NAME: { readonly [Name in CodecName]: Codec } = { zstd: zstdCodec, vcdiff: vcdiffCodec };

/** In order of preference: of the codecs that both sides speak, the first is used. */
export const CODEC_NAMES: readonly CodecName[] = ["zstd", "vcdiff"];

/** The codec of bodies that stream, whatever was agreed on for those coded in one piece: every side speaks zstd. */
export const STREAMING_CODEC: StreamingCodec = zstdCodec;

export const codecNamed = (name: CodecName): Codec => BY_NAME[name];

/** Undefined for a number that this version does not know. */
export const codecById = (id: number): Codec | undefined => {
  const name = CODEC_NAMES.find((known) => BY_NAME[known].id === id);
  return name && BY_NAME[name];
};

/** As the hello names them. */
export const codecIds = (names: readonly CodecName[]): readonly number[] =>
  names.map((name) => BY_NAME[name].id);
