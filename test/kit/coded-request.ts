/** Bodies of requests as an edge codes them, made without the edge's own code but for the compressor. */
import { createHash } from "node:crypto";
import { constants, zstdCompressSync } from "node:zlib";
import { requestDecoder, requestEncoder } from "../../protocol/codec/zstd-stream.ts";
import type { Extension } from "../../protocol/wire/extensions.ts";

export const sha = (bytes: Uint8Array, count: number): string =>
  createHash("sha256").update(bytes).digest().toString("latin1", 0, count);

const varint = (value: number): Buffer => {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
  return Buffer.from([...bytes, rest]);
};

export const IN_SEGMENTS: Extension = { tag: 1, bytes: Buffer.from([1]) };

/** The extension of a body in one piece; `size` and `verified` where they lie. */
export const isBuffered = (
  body: Uint8Array,
  lie: { size?: number; verified?: Uint8Array } = {},
): Extension => ({
  tag: 1,
  bytes: Buffer.concat([
    Buffer.from([1]),
    varint(lie.size ?? body.length),
    Buffer.from(sha(lie.verified ?? body, 16), "latin1"),
  ]),
});

/** A zstd frame without its magic, as codec 1 has it. */
export const compressed = (body: Uint8Array): Buffer =>
  zstdCompressSync(body, {
    params: {
      [constants.ZSTD_c_contentSizeFlag]: 0,
      [constants.ZSTD_c_checksumFlag]: 0,
      [constants.ZSTD_c_windowLog]: 17,
    },
  }).subarray(4);

/** The pieces of a body, each coded bytes that decode to it, and what follows the last one. */
export const inSegments = async (
  pieces: readonly Uint8Array[],
): Promise<{
  readonly coded: readonly Buffer[];
  readonly digests: readonly string[];
  readonly end: Buffer;
}> => {
  const encoder = requestEncoder();
  const coded: Buffer[] = [];
  const digests: string[] = [];
  const hash = createHash("sha256");
  for (const piece of pieces) {
    coded.push(Buffer.concat([await encoder.write(piece), await encoder.flush()]));
    digests.push(hash.update(piece).copy().digest().toString("latin1", 0, 8));
  }
  return { coded, digests, end: await encoder.end() };
};

/** All that decodes from these bytes, which must be a whole body. */
export const decodedRequest = async (coded: Uint8Array): Promise<Buffer> => {
  const decoder = requestDecoder({ pageBytes: 1 << 30 });
  return Buffer.concat([await decoder.write(coded), await decoder.end()]);
};
