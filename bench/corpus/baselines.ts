/**
 * What the same body would cost without a base: gzip -6, brotli 5 and zstd 3, as web servers set them. Compressed in
 * the thread pool, so a measurement running beside it is not held up by more than its share of the cores.
 */
import { promisify } from "node:util";
import { brotliCompress, constants, gzip, zstdCompress } from "node:zlib";

export interface Baselines {
  readonly gzip6Bytes: number;
  readonly brotli5Bytes: number;
  readonly zstd3Bytes: number;
}

const gzipped = promisify(gzip);
const brotlied = promisify(brotliCompress);
const zstded = promisify(zstdCompress);

export async function baselinesOf(body: Buffer): Promise<Baselines> {
  const [gzip6, brotli5, zstd3] = await Promise.all([
    gzipped(body, { level: 6 }),
    brotlied(body, {
      params: { [constants.BROTLI_PARAM_QUALITY]: 5 },
    }),
    zstded(body, { params: { [constants.ZSTD_c_compressionLevel]: 3 } }),
  ]);
  return { gzip6Bytes: gzip6.length, brotli5Bytes: brotli5.length, zstd3Bytes: zstd3.length };
}

export const NO_BYTES: Baselines = { gzip6Bytes: 0, brotli5Bytes: 0, zstd3Bytes: 0 };

export const addBaselines = (a: Baselines, b: Baselines): Baselines => ({
  gzip6Bytes: a.gzip6Bytes + b.gzip6Bytes,
  brotli5Bytes: a.brotli5Bytes + b.brotli5Bytes,
  zstd3Bytes: a.zstd3Bytes + b.zstd3Bytes,
});
