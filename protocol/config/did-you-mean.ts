/**
 * Did you mean ...? The known word nearest to one that was mistyped, by counting single-letter changes, additions,
 * omissions and swaps of neighbours. Case, hyphens and underscores do not count.
 */

/** The closest of `known`, or undefined when none is near enough to be worth suggesting. */
export const closest = (word: string, known: readonly string[]): string | undefined => {
  const plain = bare(word);
  const [best] = known
    .map((each) => ({ each, slips: isBeginning(plain, bare(each)) ? 1 : slipsBetween(plain, bare(each)) }))
    .filter(({ each, slips }) => slips <= mostSlips(each))
    .sort((a, b) => a.slips - b.slips);
  return best?.each;
};

// A third of the letters: enough for "hartbeat" and "sotre", too little to make "idle" of "id".
const mostSlips = (word: string): number => Math.floor(bare(word).length / 3);

/** "warning" for warn, "cert" for certificate. */
const isBeginning = (a: string, b: string): boolean =>
  Math.min(a.length, b.length) >= 4 && (a.startsWith(b) || b.startsWith(a));

const bare = (word: string): string => word.toLowerCase().replace(/[-_]/g, "");

/** No known word is near one longer than this, and the table below is quadratic. */
const LONGEST_WORD = 64;

const slipsBetween = (a: string, b: string): number => {
  if (a.length > LONGEST_WORD || b.length > LONGEST_WORD) return Number.POSITIVE_INFINITY;
  let twoAbove: number[] = [];
  let above = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const same = a[row - 1] === b[column - 1];
      const swapped = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      current[column] = Math.min(
        (above[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (above[column - 1] ?? 0) + (same ? 0 : 1),
        swapped ? (twoAbove[column - 2] ?? 0) + 1 : Number.POSITIVE_INFINITY,
      );
    }
    twoAbove = above;
    above = current;
  }
  return above[b.length] ?? Number.POSITIVE_INFINITY;
};
