/**
 * Which of a template's pages are likely to share most with one at another URL: those whose path begins with the same words
 * (`/wp-admin/edit.php` for `/wp-admin/edit-tags.php`). A guess, as templates are; where it tells nothing the newest stay best. The
 * query takes no part: whoever links to a page can write any query, and must not choose by it what the page builds on.
 */

/** The same places, those at URLs that are most like `url` last, and of equals the newest. */
export const byLikeness = <P extends { readonly url: string }>(
  places: readonly P[],
  url: string,
): readonly P[] => {
  if (places.length < 2) return places;
  const ranked = places.map((place) => ({ place, alike: wordsAlike(place.url, url) }));
  const least = ranked[0]?.alike;
  if (ranked.every(({ alike }) => alike === least)) return places;
  return ranked.sort((a, b) => a.alike - b.alike).map(({ place }) => place);
};

/** How many characters the paths of two URLs have in common from the beginning on, in whole words. */
const wordsAlike = (a: string, b: string): number => {
  const most = Math.min(a.length, b.length);
  let at = 0;
  while (at < most && a.charCodeAt(at) === b.charCodeAt(at) && a.charCodeAt(at) !== QUERY) at++;
  if (!isOfWord(a, at) && !isOfWord(b, at)) return at;
  while (at > 0 && isOfWord(a, at - 1)) at--;
  return at;
};

const QUERY = 0x3f;

/** Letters, digits, and all beyond ASCII; not what is behind the end. */
const isOfWord = (text: string, at: number): boolean => {
  const code = text.charCodeAt(at) | 0x20;
  return (
    at < text.length && ((code >= 0x61 && code <= 0x7a) || (code >= 0x30 && code <= 0x39) || code >= 0x80)
  );
};
