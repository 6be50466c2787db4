/**
 * The list of steps that a splice is, as bytes: column by column, because like stands beside like then; where a run begins is told from
 * where it was expected. SPEC section "Codecs".
 */
import { LinkError } from "../errors.ts";
import { ByteReader, ByteWriter } from "../wire/bytes.ts";
import type { Step } from "./align.ts";
import { type DecodeLimits, DeltaError } from "./codec.ts";

/** Each takes up to 9 bytes before it is compressed. */
export const MOST_STEPS = 4096;
export const STEPS_BYTES = MOST_STEPS * 9;

/** Used and emptied within one call. */
const writer = new ByteWriter();

/** Where the page goes on in the bases after these steps, had they copied what they add too. */
export const expectedAfter = (steps: readonly Step[], before = 0): number => {
  const { from, copy, add } = steps.at(-1) ?? { from: -before, copy: 0, add: 0 };
  return before + from + copy + add;
};

/** `before`: bytes of the bases before the one that the steps are about; `expected`: after the steps before these, of the same page. */
export const writtenSteps = (
  steps: readonly Step[],
  page: Uint8Array,
  { before = 0, expected = 0 }: { readonly before?: number; readonly expected?: number } = {},
): Buffer => {
  writer.varint(steps.length);
  for (const { copy } of steps) writer.varint(copy);
  for (const { add } of steps) writer.varint(add);
  let from = expected;
  for (const step of steps) {
    writer.varint(zigzag(before + step.from - from));
    from = expectedAfter([step], before);
  }
  let at = 0;
  for (const { copy, add } of steps) {
    at += copy;
    writer.bytes(page.subarray(at, at + add));
    at += add;
  }
  return writer.take();
};

/** What the steps make of the bases, which `source` has one after the other. Throws DeltaError. */
export const madeBySteps = (
  source: Buffer,
  steps: Buffer,
  limits: DecodeLimits,
  expected = 0,
): { readonly page: Buffer; readonly expected: number; readonly addedBytes: number } => {
  try {
    return followed(source, new ByteReader(steps), limits, expected);
  } catch (error) {
    if (error instanceof LinkError) throw new DeltaError("the delta is no list of steps", { cause: error });
    throw error;
  }
};

const followed = (source: Buffer, reader: ByteReader, { pageBytes }: DecodeLimits, before: number) => {
  const steps = reader.varint();
  // Three numbers each, so no more memory is spent on them than they took.
  if (steps > Math.min(MOST_STEPS, reader.left / 3)) throw new DeltaError(`a delta of ${steps} steps`);
  const [copies, adds, moves] = [reader.varints(steps), reader.varints(steps), reader.varints(steps)];
  const added = reader.rest();
  const addedBytes = total(adds);
  if (addedBytes !== added.length)
    throw new DeltaError(`${added.length} added bytes where ${addedBytes} are used`);
  const bytes = total(copies) + addedBytes;
  if (bytes > pageBytes) throw new DeltaError(`the page is larger than ${pageBytes} bytes`);
  const page = Buffer.allocUnsafeSlow(bytes);
  let expected = before;
  let at = 0;
  let addedAt = 0;
  for (let step = 0; step < steps; step++) {
    const [copy = 0, add = 0] = [copies[step], adds[step]];
    const from = expected + unzigzag(moves[step] ?? 0);
    if (from < 0 || from + copy > source.length) throw new DeltaError("a run outside of the bases");
    source.copy(page, at, from, from + copy);
    added.copy(page, at + copy, addedAt, addedAt + add);
    addedAt += add;
    at += copy + add;
    expected = from + copy + add;
  }
  return { page, expected, addedBytes };
};

/** Small whichever way it points. */
const zigzag = (value: number): number => (value < 0 ? -2 * value - 1 : 2 * value);
const unzigzag = (value: number): number => (value % 2 === 1 ? -(value + 1) / 2 : value / 2);

const total = (numbers: readonly number[]): number => numbers.reduce((sum, each) => sum + each, 0);
