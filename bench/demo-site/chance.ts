/**
 * Chance that can be repeated: everything random in the demo site comes from a seed and the name of what is being
 * made, so the same seed always makes the same site, whatever is asked for first.
 */

export interface Chance {
  /** In [0, 1). */
  next(): number;
  /** A whole number, both ends included. */
  between(least: number, most: number): number;
  pick<T>(list: readonly [T, ...T[]]): T;
  /** `digits` hexadecimal digits, as nonces, tokens and request ids are made of. */
  hex(digits: number): string;
}

const HEX = "0123456789abcdef";

/** FNV-1a over the parts: names a stream of chance. */
const hashOf = (parts: readonly (string | number)[]): number => {
  let hash = 0x811c9dc5;
  for (const character of parts.join("\u001f")) {
    hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193);
  }
  return hash >>> 0;
};

/** Chance for the thing that `parts` name; equal parts give equal chance. (mulberry32) */
export function chanceFor(...parts: readonly (string | number)[]): Chance {
  let state = hashOf(parts);
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const between = (least: number, most: number) => least + Math.floor(next() * (most - least + 1));
  return {
    next,
    between,
    pick: ([first, ...rest]) => {
      const index = between(0, rest.length);
      return index === 0 ? first : (rest[index - 1] ?? first);
    },
    hex: (digits) => {
      let text = "";
      while (text.length < digits) text += HEX[between(0, 15)];
      return text;
    },
  };
}
