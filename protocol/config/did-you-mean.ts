/**
 * Did you mean ...? The known word nearest to one that was mistyped, by counting single-letter changes, additions,
 * omissions and swaps of neighbours. Case, hyphens and underscores do not count.
 */
import { distance } from "fastest-levenshtein";

/** The closest of `known`, or undefined when none is near enough to be worth suggesting. */
export const closest = (word: string, known: readonly string[]): string | undefined => {
  const plain = bare(word);
  const [best] = known
    .map((each) => {
      const between = slipsBetween(plain, bare(each));
      return { each, between, slips: isBeginning(plain, bare(each)) ? Math.min(1, between) : between };
    })
    .filter(({ each, slips }) => slips <= mostSlips(each))
    .sort((a, b) => a.slips - b.slips || a.between - b.between);
  return best?.each;
};

/** No known word is near one longer than this. */
const LONGEST_WORD = 64;

// A third of the letters: enough for "hartbeat" and "sotre", too little to make "idle" of "id".
const mostSlips = (word: string): number => Math.floor(bare(word).length / 3);

/** "warning" for warn, "cert" for certificate. */
const isBeginning = (a: string, b: string): boolean =>
  Math.min(a.length, b.length) >= 4 && (a.startsWith(b) || b.startsWith(a));

const bare = (word: string): string => word.toLowerCase().replace(/[-_]/g, "");

/** Levenshtein's distance, in which a swap would count as two slips: one swap is undone first where that helps. */
const slipsBetween = (word: string, known: string): number => {
  if (word.length > LONGEST_WORD) return Number.POSITIVE_INFINITY;
  const unswapped = Array.from(
    { length: Math.max(0, word.length - 1) },
    (_, i) => word.slice(0, i) + word.charAt(i + 1) + word.charAt(i) + word.slice(i + 2),
  );
  return Math.min(distance(word, known), ...unswapped.map((other) => 1 + distance(other, known)));
};
