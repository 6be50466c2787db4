/**
 * A body that is not used at present, compressed: on its own, or on that of another version of its page, from which it mostly
 * differs in a few bytes. zstd frames with a checksum, which never leave this process. docs/decisions says what else was tried.
 */
import { promisify } from "node:util";
import { constants, type ZstdOptions, zstdCompress, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { ownBuffer } from "./compact-buffer.ts";

/** Smaller ones gain nothing beside what is kept for each version. */
export const LEAST_PACKED_BYTES = 512;
/** Larger ones would hold the event loop when they are needed again: 2 ms at this size. */
export const MOST_PACKED_BYTES = 2 * 1024 * 1024;
/** Below, the detour over the thread pool costs more than the work. */
const SYNC_BYTES = 256 * 1024;
/** The least at which a version is coded well on another (measured on the corpus: 8.8, 13.2, 14.4 times at levels 1, 2, 3). */
const LEVEL = 3;
/** A gain of less than an eighth is not worth unpacking for. */
const WORTH = 7 / 8;

const compressInPool = promisify(zstdCompress);

/** Every base is within the window of its page. */
const windowLogFor = (bytes: number): number => Math.max(10, Math.ceil(Math.log2(bytes + 1)));

/** `body` packed on `base`, or on its own; undefined where that gains too little or cannot be done. */
export async function pack(body: Buffer, base: Buffer | undefined): Promise<Buffer | undefined> {
  const bytes = body.length + (base?.length ?? 0);
  const options: ZstdOptions & { pledgedSrcSize: number } = {
    params: {
      [constants.ZSTD_c_compressionLevel]: LEVEL,
      [constants.ZSTD_c_checksumFlag]: 1,
      [constants.ZSTD_c_windowLog]: windowLogFor(bytes),
    },
    pledgedSrcSize: body.length,
    chunkSize: Math.max(1024, body.length >> 3),
    ...(base && { dictionary: base }),
  };
  try {
    const packed =
      bytes <= SYNC_BYTES ? zstdCompressSync(body, options) : await compressInPool(body, options);
    return packed.length < body.length * WORTH ? ownBuffer(packed) : undefined;
  } catch {
    return undefined; // a base that begins as a trained dictionary does, or no memory
  }
}

/** The body of `bytes` bytes again; undefined where the packed one or its base is damaged: the frame has a checksum. */
export function unpack(packed: Buffer, base: Buffer | undefined, bytes: number): Buffer | undefined {
  if (base?.length === 0) return undefined;
  try {
    const body = zstdDecompressSync(packed, {
      params: { [constants.ZSTD_d_windowLogMax]: windowLogFor(2 * MOST_PACKED_BYTES) },
      chunkSize: bytes + 1, // a buffer that is full would be followed by another one
      maxOutputLength: bytes,
      ...(base && { dictionary: base }),
    });
    return body.length === bytes ? body : undefined;
  } catch {
    return undefined;
  }
}
