/**
 * The list of steps that a splice is, as bytes: column by column, because like stands beside like then; where a run begins is told from
 * where it was expected. In bytes of the bases, with what is added behind; or in whole units of them, with what is added coded on all
 * that is copied. SPEC section "Codecs".
 */
import { LinkError } from "../errors.ts";
import type { UnitStep } from "../mixing/mixed-units.ts";
import { ByteReader, ByteWriter } from "../wire/bytes.ts";
import type { Step } from "./align.ts";
import { startsOf } from "./align-units.ts";
import { type DecodeLimits, DeltaError } from "./codec.ts";
import { deflated, inflated } from "./deflate.ts";
import { isDictionaryPart } from "./dictionary.ts";
import { encodeNow, zstdCodec } from "./zstd.ts";

/** Each takes up to 9 bytes before it is compressed. */
export const MOST_STEPS = 4096;
export const STEPS_BYTES = MOST_STEPS * 9;

/**
 * Texts of so many bytes, one behind the other, are cut into units to read a delta: of 4 MiB of line feeds that takes
 * half a second. @internal
 */
export const MOST_CUT_BYTES = 4 * 1024 * 1024;

/** Used and emptied within one call. */
const writer = new ByteWriter();

/** Where the page goes on in the bases after these steps, had they copied what they add too. */
export const expectedAfter = (steps: readonly Step[]): number => {
  const { from, copy, add } = steps.at(-1) ?? { from: 0, copy: 0, add: 0 };
  return from + copy + add;
};

interface Places {
  /** Bytes of the bases before the one that the steps are about. */
  readonly before?: number;
  /** After the steps before these, of the same page. */
  readonly expected?: number;
}

const writeNumbers = (steps: readonly Step[], { before = 0, expected = 0 }: Places = {}): void => {
  writer.varint(steps.length);
  for (const { copy } of steps) writer.varint(copy);
  for (const { add } of steps) writer.varint(add);
  let expectedAt = expected;
  for (const { from, copy, add } of steps) {
    const at = before + from;
    writer.signed(at - expectedAt);
    expectedAt = at + copy + add;
  }
};

export const writtenSteps = (steps: readonly Step[], page: Uint8Array, places?: Places): Buffer => {
  writeNumbers(steps, places);
  let at = 0;
  for (const { copy, add } of steps) {
    at += copy;
    writer.bytes(page.subarray(at, at + add));
    at += add;
  }
  return writer.take();
};

/**
 * Steps whose numbers are told in whole units; undefined where that takes long, or is not possible. `starts`: of the
 * units of the bases.
 */
export const packedInUnits = (
  steps: readonly Step[],
  page: Buffer,
  starts: Int32Array,
): Buffer | undefined => {
  if ((starts.at(-1) ?? 0) > MOST_CUT_BYTES) return undefined;
  const copied: Buffer[] = [];
  const added: Buffer[] = [];
  let at = 0;
  const inUnits = steps.map(({ from, copy, add }) => {
    const own = page.subarray(at + copy, at + copy + add);
    copied.push(page.subarray(at, at + copy));
    added.push(own);
    at += copy + add;
    return {
      from: unitAt(starts, from),
      copy: unitAt(starts, from + copy) - unitAt(starts, from),
      add: unitsIn(own),
    };
  });
  const own = Buffer.concat(added);
  if (unitsIn(own) !== total(inUnits.map(({ add }) => add))) return undefined;
  const coded = encodeNow(Buffer.concat(copied), own);
  if (coded === undefined) return undefined;
  writeNumbers(inUnits);
  const numbers = deflated(writer.take());
  return Buffer.concat([writer.varint(numbers.length).take(), numbers, coded]);
};

/** Steps as numbers of units of the bases; undefined where telling them takes long. `starts`: of the units of the bases. */
export const unitSteps = (steps: readonly Step[], starts: Int32Array): readonly UnitStep[] | undefined => {
  if ((starts.at(-1) ?? 0) > MOST_CUT_BYTES) return undefined;
  return steps.map(({ from, copy, add }) => {
    const unit = copy === 0 ? 0 : unitAt(starts, from);
    return { from: unit, copy: copy === 0 ? 0 : unitAt(starts, from + copy) - unit, copiedBytes: copy, add };
  });
};

/** The bytes of so many units of the bases, from one on. Both throw DeltaError. */
export const copiedUnits = (bases: readonly Buffer[]): ((from: number, units: number) => Buffer) => {
  const places = placesIn(bases);
  const source = bases.length === 1 ? (bases[0] as Buffer) : Buffer.concat(bases);
  return (from, units) => (units === 0 ? NOTHING : source.subarray(places(from), places(from + units)));
};

const NOTHING = Buffer.alloc(0);

/** The unit that begins there. */
const unitAt = (starts: Int32Array, place: number): number => {
  let from = 0;
  for (let to = starts.length - 1; from < to; ) {
    const middle = (from + to) >> 1;
    if ((starts[middle] as number) < place) from = middle + 1;
    else to = middle;
  }
  return from;
};

const unitsIn = (text: Buffer): number => (startsOf([text])?.length ?? 1) - 1;

/** What `packedInUnits` made. Rejects with DeltaError. */
export const unpackedInUnits = async (
  bases: readonly Buffer[],
  packed: Buffer,
  limits: DecodeLimits,
): Promise<Buffer> => {
  const { steps, coded } = whole(() => {
    const reader = new ByteReader(packed);
    const numbers = new ByteReader(inflated(reader.bytes(reader.varint()), STEPS_BYTES));
    return { steps: readNumbers(numbers), coded: reader.rest() };
  });
  const places = placesIn(bases);
  const runs = steps.map(({ from, copy, add }) => ({
    from: places(from),
    copy: places(from + copy) - places(from),
    add,
  }));
  const bytes = total(runs.map(({ copy }) => copy));
  if (bytes > limits.pageBytes) throw new DeltaError(`the page is larger than ${limits.pageBytes} bytes`);
  const source = Buffer.concat(bases);
  const copied = Buffer.concat(runs.map(({ from, copy }) => source.subarray(from, from + copy)));
  const dictionary = isDictionaryPart(copied) ? [copied] : [];
  const added = await zstdCodec.decode(dictionary, coded, { pageBytes: limits.pageBytes - bytes });
  const ownPlaces = placesIn([added]);
  let unit = 0;
  const inBytes = runs.map((run) => {
    const at = ownPlaces(unit);
    unit += run.add;
    return { ...run, add: ownPlaces(unit) - at };
  });
  return joined(source, inBytes, added);
};

/** Where a unit of these texts begins, in bytes. */
const placesIn = (texts: readonly Buffer[]): ((unit: number) => number) => {
  const bytes = total(texts.map(({ length }) => length));
  if (bytes > MOST_CUT_BYTES) throw new DeltaError(`units of texts of ${bytes} bytes`);
  const starts = startsOf(texts);
  return (unit) => {
    const place = starts?.[unit];
    if (place === undefined) throw new DeltaError("a unit that is not there");
    return place;
  };
};

/** What the steps make of the bases, which `source` has one after the other. Throws DeltaError. */
export const madeBySteps = (
  source: Buffer,
  written: Buffer,
  { pageBytes }: DecodeLimits,
  expected = 0,
): { readonly page: Buffer; readonly expected: number; readonly addedBytes: number } => {
  const { steps, added } = whole(() => {
    const reader = new ByteReader(written);
    return { steps: readNumbers(reader, expected), added: reader.rest() };
  });
  const bytes = total(steps.map(({ copy }) => copy)) + added.length;
  if (bytes > pageBytes) throw new DeltaError(`the page is larger than ${pageBytes} bytes`);
  const addedBytes = added.length;
  return {
    page: joined(source, steps, added),
    expected: steps.length > 0 ? expectedAfter(steps) : expected,
    addedBytes,
  };
};

/** Throws DeltaError where the list is not whole. */
export const whole = <T>(read: () => T): T => {
  try {
    return read();
  } catch (error) {
    if (error instanceof LinkError) throw new DeltaError("the delta is no list of steps", { cause: error });
    throw error;
  }
};

const readNumbers = (reader: ByteReader, before = 0): Step[] => {
  const count = reader.varint();
  // Three numbers each, so no more memory is spent on them than they took.
  if (count > Math.min(MOST_STEPS, reader.left / 3)) throw new DeltaError(`a delta of ${count} steps`);
  const [copies, adds] = [reader.varints(count), reader.varints(count)];
  const steps: Step[] = [];
  let expected = before;
  for (let at = 0; at < count; at++) {
    const step = { from: expected + reader.signed(), copy: copies[at] ?? 0, add: adds[at] ?? 0 };
    steps.push(step);
    expected = step.from + step.copy + step.add;
  }
  return steps;
};

/** The page; its size is checked before. */
const joined = (source: Buffer, steps: readonly Step[], added: Buffer): Buffer => {
  const addedBytes = total(steps.map(({ add }) => add));
  if (addedBytes !== added.length)
    throw new DeltaError(`${added.length} added bytes where ${addedBytes} are used`);
  const page = Buffer.allocUnsafeSlow(total(steps.map(({ copy }) => copy)) + addedBytes);
  let at = 0;
  let addedAt = 0;
  for (const { from, copy, add } of steps) {
    if (from < 0 || from + copy > source.length) throw new DeltaError("a run outside of the bases");
    source.copy(page, at, from, from + copy);
    added.copy(page, at + copy, addedAt, addedAt + add);
    addedAt += add;
    at += copy + add;
  }
  return page;
};

const total = (numbers: readonly number[]): number => numbers.reduce((sum, each) => sum + each, 0);
