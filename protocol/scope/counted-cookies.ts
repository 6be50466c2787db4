/** The cookies of requests and responses that count: all but those whose names are known to be harmless. RFC 6265bis section 5.6. */

/** Cookies that do not count, by name. */
export type Harmless = (name: string) => boolean;

/** Splits at every `;`, also inside quotes, as browsers do. */
export function countedCookies(header: string, harmless: Harmless): Pair[] {
  return header
    .split(";")
    .map(pairOf)
    .filter((pair) => counts(pair, harmless));
}

export interface Pair {
  readonly name: string;
  readonly value: string;
}

/** A value with a comma or a quote may hide a second pair from servers that read it otherwise: nothing excuses it. */
export const AMBIGUOUS = /[,"]/;

const counts = ({ name, value }: Pair, harmless: Harmless): boolean =>
  (name !== "" || value !== "") && (!harmless(name) || AMBIGUOUS.test(value));

/** Without `=` the whole is the value of a cookie without a name (RFC 6265bis 5.6). */
function pairOf(text: string): Pair {
  const equals = text.indexOf("=");
  if (equals < 0) return { name: "", value: text.trim() };
  return { name: text.slice(0, equals).trim(), value: text.slice(equals + 1).trim() };
}

export interface SetCookie extends Pair {
  /** The visitor is told to drop it. */
  readonly removed: boolean;
}

const MAX_AGE = /;\s*max-age\s*=\s*(-?\d+)/gi;

/**
 * Of the values of Set-Cookie headers, those that count. `Expires` is not read: a cookie that is removed by date alone
 * gets an empty or short value, which `after` treats alike.
 */
export function countedSetCookies(headers: readonly string[], harmless: Harmless): SetCookie[] {
  const counted: SetCookie[] = [];
  for (const header of headers) {
    const end = header.indexOf(";");
    const pair = pairOf(end < 0 ? header : header.slice(0, end));
    if (!counts(pair, harmless)) continue;
    const age = end < 0 ? undefined : [...header.slice(end).matchAll(MAX_AGE)].at(-1)?.[1];
    counted.push({ ...pair, removed: pair.value === "" || (age !== undefined && Number(age) <= 0) });
  }
  return counted;
}

/** Whether the address may have asked for this value of a cookie: by a query, of which any may say who comes, or by the value itself. */
export const mayBeAskedFor = (value: string, target: string): boolean =>
  target.includes("?") || target.includes(value) || unescaped(target).includes(unescaped(value));

/** As it is where an escape is broken. */
const unescaped = (text: string): string => {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    return text;
  }
};
