/** Optional white space, which is no part of a field's value (RFC 9110 sections 5.5 and 5.6.3). */

const isSpace = (code: number): boolean => code === 0x20 || code === 0x09;

/** Without the spaces and tabs around it; no other character is white space here. */
export const trimSpace = (text: string): string => {
  let from = 0;
  let to = text.length;
  while (from < to && isSpace(text.charCodeAt(from))) from++;
  while (to > from && isSpace(text.charCodeAt(to - 1))) to--;
  return to - from === text.length ? text : text.slice(from, to);
};
