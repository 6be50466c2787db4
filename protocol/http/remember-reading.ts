/**
 * What a text means, read once: field values such as Accept-Encoding and Content-Type are a handful among all requests, and
 * each request asks for them several times.
 */
import { LRUCache } from "lru-cache";

/** Meanings kept of one field; the longest unused gives way. */
const MOST_TEXTS = 256;
/** Longer texts are read anew each time, so that what a peer sends us to remember stays small. In characters. */
const LONGEST_TEXT = 256;

/** `read`, which must give the same for the same text, called for a text only if its meaning is not remembered. */
export const rememberReading = <T extends NonNullable<unknown>>(
  read: (text: string) => T,
): ((text: string) => T) => {
  const meanings = new LRUCache<string, T>({ max: MOST_TEXTS });
  return (text) => {
    const known = meanings.get(text);
    if (known !== undefined) return known;
    const meaning = read(text);
    if (text.length <= LONGEST_TEXT) meanings.set(text, meaning);
    return meaning;
  };
};
