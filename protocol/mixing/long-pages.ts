/** Pages with much of their own are coded in slices, one page after the other, by a coder of their own. SPEC section "Mixed". */
import { Mixer } from "./mixer.ts";
import { OneAfterTheOther, type Slices } from "./turns.ts";

/** Of a page's own: more are coded in turns of the event loop. */
export const AT_ONCE_BYTES = 16 * 1024;
/** Of a page's own in one turn: 1 to 3 ms. */
const SLICE_BYTES = 8 * 1024;

export const LONG_PAGES = new OneAfterTheOther(() => Mixer.another());

/** So many take a second and less: an edge that has as many to read asks for no more, so that no link that sends nothing else keeps the others waiting. */
export const MANY_LONG_PAGES = 8;

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
