/** Where a run begins, told from where it was expected: in bytes or in units, as whoever asks counts. SPEC section "Mixed". */
import { type Mixer, NUMBER } from "./mixer.ts";

export const writePlace = (mixer: Mixer, from: number, expected: number): void => {
  const off = from - expected;
  if (mixer.bit(NUMBER.place, 0, off === 0 ? 1 : 0) === 1) return;
  if (mixer.bit(NUMBER.place, 1, off < 0 ? 1 : 0) === 1) mixer.number(NUMBER.behind, -off - 1);
  else mixer.number(NUMBER.ahead, off - 1);
};

/** Below 0 for a place before all bases, or none. */
export const readPlace = (mixer: Mixer, expected: number): number => {
  if (mixer.bit(NUMBER.place, 0, 0) === 1) return expected;
  const isBehind = mixer.bit(NUMBER.place, 1, 0) === 1;
  const off = mixer.number(isBehind ? NUMBER.behind : NUMBER.ahead, 0);
  if (off < 0) return off;
  return isBehind ? expected - off - 1 : expected + off + 1;
};
