/**
 * Entity tags as they stand in ETag, If-Match and If-None-Match (RFC 9110 sections 8.8.3 and 13.1). What is no entity tag by
 * the grammar, such as one without quotes, is left as it is everywhere: it comes back as it was given, or not at all.
 */

const WEAK = "W/";
/** An opaque tag may hold anything but a quote, commas and "W/" included. */
const ENTITY_TAG = /(?:W\/)?"[^"]*"/g;
const STRONG = /^"[^"]*"$/;

/** Whether `value` is one strong entity tag. */
export const isStrongTag = (value: string): boolean => STRONG.test(value);

/** The weak form of a strong tag; everything else as it is. */
export const weakTag = (value: string): string => (isStrongTag(value) ? WEAK + value : value);

/** The tags of an If-Match or If-None-Match value, weak ones with their mark. */
export const tagsIn = (list: string): readonly string[] => list.match(ENTITY_TAG) ?? [];

/** The list with those weak tags in their strong form of which `wasStrong` says, given that form, that it was the original one. */
export const withStrongTags = (list: string, wasStrong: (tag: string) => boolean): string =>
  list.replace(ENTITY_TAG, (tag) => {
    const strong = tag.startsWith(WEAK) ? tag.slice(WEAK.length) : tag;
    return strong !== tag && wasStrong(strong) ? strong : tag;
  });
