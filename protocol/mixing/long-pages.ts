/** Pages with much of their own are coded in slices, one page after the other, by a coder of their own. SPEC section "Mixed". */
import { Mixer } from "./mixer.ts";
import { atOnce, OneAfterTheOther, type Slices, type StillWanted } from "./turns.ts";

/** Of a page's own: more are coded in turns of the event loop. */
export const AT_ONCE_BYTES = 16 * 1024;
/** Of a page's own in one turn: 1 to 3 ms. */
export const SLICE_BYTES = 8 * 1024;

/** Those that are read, and all of which is here. */
export const LONG_PAGES = new OneAfterTheOther(() => Mixer.another());

/**
 * So many take a second and less: an edge that has as many to read asks for no more, so that no link that sends nothing
 * else keeps the others waiting.
 */
export const MANY_LONG_PAGES = 8;

/** How a page of some form is read: first its steps, then all that it adds. */
export interface Reading<Steps> {
  /** Undefined for what nobody writes. */
  steps(mixer: Mixer): Slices<Steps | undefined>;
  addedBytes(steps: Steps): number;
  /** Of all that is read, which must be no more than it needs. */
  page(mixer: Mixer, steps: Steps): Slices<Buffer | undefined>;
}

/**
 * The page, or a promise of it where it adds more than AT_ONCE_BYTES: its steps are read once more then, by the coder
 * of long pages. Undefined for what nobody writes.
 */
export const readPage = <Steps>(
  coded: Uint8Array,
  reading: Reading<Steps>,
  stillWanted?: StillWanted,
): Buffer | undefined | Promise<Buffer | undefined> => {
  const mixer = Mixer.get();
  if (!mixer.beginReading(coded)) return undefined;
  const steps = atOnce(reading.steps(mixer));
  if (steps === undefined) return undefined;
  if (reading.addedBytes(steps) <= AT_ONCE_BYTES) return atOnce(reading.page(mixer, steps));
  return LONG_PAGES.do(function* (another) {
    another.beginReading(coded);
    return yield* pageRead(another, reading);
  }, stillWanted);
};

/** What the mixer has begun to read. */
export function* pageRead<Steps>(mixer: Mixer, reading: Reading<Steps>): Slices<Buffer | undefined> {
  const steps = yield* reading.steps(mixer);
  return steps && (yield* reading.page(mixer, steps));
}

/** Writes or reads the text of one page, and stops after each SLICE_BYTES of it, and where what is read has not come. */
export class SlicedBytes {
  readonly #mixer: Mixer;
  #left = SLICE_BYTES;

  constructor(mixer: Mixer) {
    this.#mixer = mixer;
  }

  *code(from: number, to: number): Slices<void> {
    for (let at = from; at < to; ) {
      const end = Math.min(to, at + this.#left);
      const reached = this.#mixer.bytes(at, end);
      this.#left -= reached - at;
      at = reached;
      if (at < end) yield "starved";
      else if (this.#left === 0) {
        yield "turn";
        this.#left = SLICE_BYTES;
      }
    }
  }
}
