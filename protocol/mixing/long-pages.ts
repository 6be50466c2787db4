/** Pages with much of their own are coded in slices, one page after the other, by a coder of their own. SPEC section "Mixed". */
import { Mixer } from "./mixer.ts";
import { atOnce, OneAfterTheOther, type Slices, type StillWanted } from "./turns.ts";

/** Of a page's own: more are coded in turns of the event loop. */
export const AT_ONCE_BYTES = 16 * 1024;
/** Of a page's own in one turn: 1 to 3 ms. */
const SLICE_BYTES = 8 * 1024;

export const LONG_PAGES = new OneAfterTheOther(() => Mixer.another());

/** So many take a second and less: an edge that has as many to read asks for no more, so that no link that sends nothing else keeps the others waiting. */
export const MANY_LONG_PAGES = 8;

/** How a page of some form is read: first its steps, then all that it adds. */
export interface Reading<Steps> {
  /** Undefined for what nobody writes. */
  steps(mixer: Mixer): Steps | undefined;
  addedBytes(steps: Steps): number;
  page(mixer: Mixer, steps: Steps): Slices<Buffer | undefined>;
}

/** The page, or a promise of it where it adds more than AT_ONCE_BYTES: its steps are read once more then, by the coder of long pages. Undefined for what nobody writes. */
export const readPage = <Steps>(
  coded: Uint8Array,
  reading: Reading<Steps>,
  stillWanted?: StillWanted,
): Buffer | undefined | Promise<Buffer | undefined> => {
  const stepsBy = (mixer: Mixer) => (mixer.beginReading(coded) ? reading.steps(mixer) : undefined);
  const mixer = Mixer.get();
  const steps = stepsBy(mixer);
  if (steps === undefined) return undefined;
  if (reading.addedBytes(steps) <= AT_ONCE_BYTES) return atOnce(reading.page(mixer, steps));
  return LONG_PAGES.do(function* (another) {
    const again = stepsBy(another);
    return again && (yield* reading.page(another, again));
  }, stillWanted);
};

/** Writes or reads the text of one page, and stops after each SLICE_BYTES of it. */
export class SlicedBytes {
  readonly #mixer: Mixer;
  #left = SLICE_BYTES;

  constructor(mixer: Mixer) {
    this.#mixer = mixer;
  }

  *code(from: number, to: number): Slices<void> {
    for (let at = from; at < to; ) {
      const end = Math.min(to, at + this.#left);
      this.#mixer.bytes(at, end);
      this.#left -= end - at;
      at = end;
      if (this.#left > 0) continue;
      yield;
      this.#left = SLICE_BYTES;
    }
  }
}
