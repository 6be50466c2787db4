/**
 * Where a common base stands in a store: under a name of its own for the URL or the template it was made for, so that who
 * looks for versions of that URL or template does not meet it, and who forgets the URL does. SPEC section "Common bases".
 */
import { pageKeyOf } from "./page-key.ts";

/** The longest URL or template that gets a common base, in characters; names travel, and are kept. */
export const MOST_NAME_CHARS = 512;

/** No request target begins with a space, and no template. */
export const commonName = (key: string): string => ` ${key}`;

/** All that may hold pieces of versions of a URL: the URL itself, and the common bases that it may be a source of. */
export const namesOf = (url: string): readonly string[] => [
  url,
  ...[url, ...pageKeyOf(url).templates].map(commonName),
];
