/**
 * Node's zlib streams, call by call. A stream that breaks or closes may never call back, so each call is settled by whichever
 * comes first: what it waits for, or the stream's failure, which stays.
 */
import type { Transform } from "node:stream";

/** Starts a call on the stream; `done` when it has done its work. An error is left to the stream's error event. */
export type ZlibStep<Z extends Transform> = (zlib: Z, done: (error?: Error | null) => void) => void;

export class ZlibStream<Z extends Transform> {
  readonly zlib: Z;
  readonly #waiting = new Set<(reason: Error) => void>();
  #failure: Error | undefined;

  /** `broken`: what calls reject with when the stream fails, or closes without an error. */
  constructor(zlib: Z, broken: (cause: Error | undefined) => Error) {
    this.zlib = zlib;
    zlib.on("error", (cause) => this.fail(broken(cause)));
    zlib.on("close", () => this.fail(broken(undefined)));
  }

  get failed(): boolean {
    return this.#failure !== undefined;
  }

  run(step: ZlibStep<Z>): Promise<void> {
    if (this.#failure) return Promise.reject(this.#failure);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#waiting.add(reject);
    step(this.zlib, (error) => {
      if (error || this.failed) return;
      this.#waiting.delete(reject);
      resolve();
    });
    return promise;
  }

  /** Ends everything: calls under way and later ones reject with `reason`; the first reason stays. */
  fail(reason: Error): void {
    this.#failure ??= reason;
    for (const reject of this.#waiting) reject(this.#failure);
    this.#waiting.clear();
    this.zlib.destroy();
  }
}

/**
 * Matches each call with its output. Read by hand: zlib works on only while its output is taken, so what is held stays
 * small, and a bound on the output is met within one chunk.
 */
export class ZlibCoder<Z extends Transform> {
  readonly #stream: ZlibStream<Z>;
  readonly #tooMuch: (bytes: number) => Error | undefined;
  #parts: Buffer[] = [];
  #bytes = 0;

  /** `tooMuch`: why no more than so many bytes in all may come out; undefined: they may. */
  constructor(
    zlib: Z,
    broken: (cause: Error | undefined) => Error,
    tooMuch: (bytes: number) => Error | undefined = () => undefined,
  ) {
    this.#stream = new ZlibStream(zlib, broken);
    this.#tooMuch = tooMuch;
    zlib.on("readable", () => this.#collect());
  }

  write(piece: Uint8Array): Promise<Buffer> {
    return this.run((zlib, done) => zlib.write(piece, done));
  }

  end(): Promise<Buffer> {
    return this.run((zlib, done) => zlib.once("end", done).end());
  }

  /** What came out, in a buffer of its own. */
  async run(step: ZlibStep<Z>): Promise<Buffer> {
    let parts: readonly Buffer[] = [];
    await this.#stream.run((zlib, done) =>
      step(zlib, (error) => {
        if (!error) {
          this.#collect();
          parts = this.#parts;
          this.#parts = [];
        }
        done(error);
      }),
    );
    return Buffer.concat(parts);
  }

  fail(reason: Error): void {
    this.#parts = [];
    this.#stream.fail(reason);
  }

  #collect(): void {
    const { zlib } = this.#stream;
    for (let part = zlib.read(); part !== null && !this.#stream.failed; part = zlib.read()) {
      this.#bytes += part.length;
      const reason = this.#tooMuch(this.#bytes);
      if (reason === undefined) this.#parts.push(part);
      else this.fail(reason);
    }
  }
}
