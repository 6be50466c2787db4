/**
 * The splice codec piece by piece, for pages that come slowly and whose bases others may have been sent: whole units alone are copied.
 * A list of steps for each segment, its length before it, in one zstd frame without a dictionary. A unit that a segment cuts is told in
 * full. SPEC section "Codecs".
 */
import { ByteReader, ByteWriter } from "../wire/bytes.ts";
import { GrowingBytes } from "../wire/growing-bytes.ts";
import type { Step } from "./align.ts";
import { UnitRuns } from "./align-units.ts";
import { type DecodeLimits, DeltaError, type StreamDecoder, type StreamEncoder } from "./codec.ts";
import { mayBeText, wholeUnitsIn } from "./page-units.ts";
import { SEGMENT_BYTES } from "./segment-writer.ts";
import { expectedAfter, MOST_STEPS, madeBySteps, STEPS_BYTES, whole, writtenSteps } from "./splice-steps.ts";
import { zstdStreamDecoder, zstdStreamEncoder } from "./zstd-stream.ts";

/** Of what a segment adds. @internal */
export const MOST_ADDED_BYTES = 2 * SEGMENT_BYTES;
const LENGTH_BYTES = 4;
/** Lists that end within one piece: encoders end one in a piece, and however short a list is, it takes some time. */
const MOST_AT_ONCE = 16;

class SpliceStreamEncoder implements StreamEncoder {
  readonly #coder = zstdStreamEncoder([]);
  readonly #basesBytes: number;
  /** Undefined once the page, or a base, turns out to be no text. */
  #runs: UnitRuns | undefined;
  #pending: Buffer[] = [];
  /** The last segment ended within a unit. */
  #cut = false;
  #expected = 0;

  constructor(bases: readonly Uint8Array[]) {
    this.#basesBytes = bases.reduce((sum, { length }) => sum + length, 0);
    this.#runs = UnitRuns.of(bases.map((base) => Buffer.from(base.buffer, base.byteOffset, base.byteLength)));
  }

  async write(piece: Uint8Array): Promise<Buffer> {
    this.#pending.push(Buffer.from(piece));
    return Buffer.alloc(0);
  }

  async flush(): Promise<Buffer> {
    return Buffer.concat([await this.#coder.write(this.#segment(false)), await this.#coder.flush()]);
  }

  async end(): Promise<Buffer> {
    return Buffer.concat([await this.#coder.write(this.#segment(true)), await this.#coder.end()]);
  }

  destroy(): void {
    this.#coder.destroy();
  }

  #segment(ends: boolean): Buffer {
    const part = Buffer.concat(this.#pending);
    this.#pending = [];
    if (part.length === 0) return part;
    const steps = this.#stepsOf(part, ends);
    const written = writtenSteps(steps, part, { expected: this.#expected });
    this.#expected = expectedAfter(steps);
    return Buffer.concat([new ByteWriter().varint(written.length).take(), written]);
  }

  #stepsOf(part: Buffer, ends: boolean): readonly Step[] {
    // A step that copies nothing begins within the bases too.
    const within = (place: number) => Math.min(place, this.#basesBytes);
    const from = within(this.#expected);
    // Also within a unit that is cut, which nobody looks at then.
    if (!mayBeText(part)) this.#runs = undefined;
    const units = wholeUnitsIn(part, { begins: !this.#cut, ends });
    if (units === undefined) return [{ from, copy: 0, add: part.length }];
    if (units.from > 0) this.#runs?.skip();
    const aligned = this.#runs?.align(part.subarray(units.from, units.to), {
      mostSteps: MOST_STEPS - 1,
      from: within(from + units.from),
    });
    if (aligned === undefined) this.#runs = undefined;
    const last = aligned?.at(-1);
    if (aligned === undefined || last === undefined) return [{ from, copy: 0, add: part.length }];
    this.#cut = units.to < part.length;
    const steps = [...aligned.slice(0, -1), { ...last, add: last.add + part.length - units.to }];
    return units.from > 0 ? [{ from, copy: 0, add: units.from }, ...steps] : steps;
  }
}

class SpliceStreamDecoder implements StreamDecoder {
  readonly #source: Buffer;
  readonly #limits: DecodeLimits;
  readonly #coder: StreamDecoder;
  /** Of a list of steps that has not come as a whole. */
  readonly #held = new GrowingBytes();
  #expected = 0;
  #pageBytes = 0;
  /** What came beside the page's own bytes. */
  #stepsBytes = 0;

  constructor(bases: readonly Uint8Array[], limits: DecodeLimits) {
    this.#source = Buffer.concat(bases);
    this.#limits = limits;
    const stepsBytes = () => this.#stepsBytes + LENGTH_BYTES + STEPS_BYTES;
    this.#coder = zstdStreamDecoder([], {
      get pageBytes() {
        return limits.pageBytes + stepsBytes();
      },
    });
  }

  async write(piece: Uint8Array): Promise<Buffer> {
    return this.#made(await this.#coder.write(piece));
  }

  async end(): Promise<Buffer> {
    const made = this.#made(await this.#coder.end());
    if (this.#held.length > 0) throw new DeltaError("the stream ends within a list of steps");
    return made;
  }

  destroy(): void {
    this.#coder.destroy();
  }

  #made(plain: Buffer): Buffer {
    this.#held.add(plain);
    const pages: Buffer[] = [];
    for (let steps = this.#next(); steps !== undefined; steps = this.#next()) {
      if (pages.length === MOST_AT_ONCE) throw new DeltaError("too many lists of steps in one piece");
      const limits = { pageBytes: this.#limits.pageBytes - this.#pageBytes };
      const { page, expected, addedBytes } = madeBySteps(this.#source, steps, limits, this.#expected);
      if (page.length === 0) throw new DeltaError("a list of steps that makes nothing");
      this.#expected = expected;
      this.#pageBytes += page.length;
      this.#stepsBytes += LENGTH_BYTES + steps.length - addedBytes;
      pages.push(page);
    }
    return Buffer.concat(pages);
  }

  /** The next list of steps, if it is here as a whole. */
  #next(): Buffer | undefined {
    const held = this.#held.all();
    const length = held.subarray(0, LENGTH_BYTES);
    if (!length.some((byte) => byte < 0x80)) {
      if (length.length < LENGTH_BYTES) return undefined;
      throw new DeltaError("a list of steps that is too long");
    }
    const reader = new ByteReader(held);
    const bytes = whole(() => reader.varint());
    if (bytes > MOST_ADDED_BYTES + STEPS_BYTES) throw new DeltaError(`a list of steps of ${bytes} bytes`);
    if (bytes > reader.left) return undefined;
    const steps = reader.bytes(bytes);
    this.#held.drop(held.length - reader.left);
    return steps;
  }
}

/** Of whole units alone: `bases` are best last. */
export const spliceStreamEncoder = (bases: readonly Uint8Array[]): StreamEncoder =>
  new SpliceStreamEncoder(bases);

export const spliceStreamDecoder = (bases: readonly Uint8Array[], limits: DecodeLimits): StreamDecoder =>
  new SpliceStreamDecoder(bases, limits);
