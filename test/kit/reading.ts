/** A body read as it comes, so that a test can wait for a part of it while the rest is not made yet. */
import type { Readable } from "node:stream";
import { createBrotliDecompress, createGunzip, createZstdDecompress } from "node:zlib";
import { until } from "./until.ts";

const UNDO: Readonly<Record<string, () => NodeJS.ReadWriteStream>> = {
  br: () => createBrotliDecompress(),
  gzip: () => createGunzip(),
  zstd: () => createZstdDecompress(),
};

export class Reading {
  readonly #pieces: Buffer[] = [];
  /** Of the body, decoded. */
  bytes = 0;
  ended = false;
  /** It broke off before its end. */
  cut = false;

  /** `coding`: of a Content-Encoding field, to be undone. */
  constructor(body: Readable, coding?: string) {
    const undo = coding === undefined ? undefined : UNDO[coding]?.();
    const plain = undo === undefined ? body : (body.pipe(undo) as unknown as Readable);
    plain.on("data", (piece: Buffer) => {
      this.#pieces.push(piece);
      this.bytes += piece.length;
    });
    plain.on("end", () => {
      this.ended = true;
    });
    for (const each of [body, plain])
      each
        .on("error", () => {
          this.cut = true;
        })
        .on("aborted", () => {
          this.cut = true;
        });
  }

  get body(): Buffer {
    return Buffer.concat(this.#pieces);
  }

  /** Resolves when the last of what has come is `mark`. */
  async upTo(mark: string): Promise<void> {
    await until(() => this.body.toString("latin1").endsWith(mark), `"${mark}" at the end of what came`);
  }

  async end(): Promise<Buffer> {
    await until(() => this.ended || this.cut, "the end of the body");
    return this.body;
  }
}
