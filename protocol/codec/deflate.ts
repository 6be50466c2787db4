/**
 * Raw DEFLATE (RFC 1951) for what is small: a few hundred bytes of a list of steps take a fifth less than with zstd, in a
 * third of the time, because there is next to no context to set up. SPEC section "Codecs".
 */
import { deflateRawSync, type InflateRaw, inflateRawSync } from "node:zlib";
import { DeltaError } from "./codec.ts";

/** What is shorter gets a window that covers it and tables to match: they take longer to clear than to use. */
const SMALL_BYTES = 4 * 1024;
const SMALL = { windowBits: 12, memLevel: 5 } as const;

/** Bounds of one output buffer. */
const CHUNK = { least: 512, most: 128 * 1024 } as const;
/** Text becomes about so many times as long. */
const USUAL_GROWTH = 4;

const chunkSize = (bytes: number): number => Math.min(CHUNK.most, Math.max(CHUNK.least, bytes));

export const deflated = (plain: Uint8Array): Buffer =>
  deflateRawSync(plain, {
    ...(plain.length <= SMALL_BYTES && SMALL),
    chunkSize: chunkSize(plain.length),
  });

/** Throws DeltaError for what is damaged, has bytes behind its end, or is longer than `mostBytes`. */
export const inflated = (coded: Uint8Array, mostBytes: number): Buffer => {
  try {
    const { buffer, engine } = inflateRawSync(coded, {
      info: true,
      maxOutputLength: Math.max(1, mostBytes), // zlib takes no 0
      chunkSize: chunkSize(coded.length * USUAL_GROWTH),
    }) as unknown as { readonly buffer: Buffer; readonly engine: InflateRaw };
    if (engine.bytesWritten < coded.length) throw new DeltaError("bytes after the end of the deflated ones");
    return buffer;
  } catch (cause) {
    if (cause instanceof DeltaError) throw cause;
    throw new DeltaError("the delta cannot be inflated within its limits", { cause });
  }
};
