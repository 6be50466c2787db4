/**
 * Cookie, Set-Cookie and what holds fresh parts travel in parts, each under a name that no field can have: a part under a name that begins
 * with `; ` goes on with the field before it, a Set-Cookie has the name of its cookie in its own, and a fresh part stands in the field
 * before it. So what stays the same of a value that is another one in each answer costs nothing. SPEC section "Header blocks".
 */
import { LinkError } from "../errors.ts";
import type { HeaderList } from "../http/header-list.ts";
import { FRESH_FIELDS, FRESH_PARTS, freshInPairs, freshPartsOf, withFresh } from "./fresh-parts.ts";
import { headCost } from "./head-cache.ts";
import { CRUMB } from "./indexing-rules.ts";

/**
 * A Cookie of more parts travels in one piece: every part costs some bytes beyond its own, so a visitor could otherwise
 * make a head of separators that takes twice its size, more than the peer accepts in a message.
 * @internal
 */
export const MOST_CRUMBS = 64;
/** A Set-Cookie of more attributes travels in one piece: none has as many. @internal */
export const MOST_ATTRIBUTES = 12;

const SET_COOKIE = "set-cookie";
const VALUE_IN_NAME = ": ";

/** Most names are told from those of FRESH_FIELDS by their length. */
const FRESH_LENGTHS: ReadonlySet<number> = new Set([...FRESH_FIELDS.keys()].map(({ length }) => length));

const isCookie = (name: string) => name.length === 6 && name.toLowerCase() === "cookie";
const isSetCookie = (name: string) => name.length === SET_COOKIE.length && name.toLowerCase() === SET_COOKIE;
const hasValueInName = (name: string) =>
  name.startsWith(VALUE_IN_NAME, SET_COOKIE.length) && isSetCookie(name.slice(0, SET_COOKIE.length));

/** Names and values in turn: of a Cookie its pairs. Undefined for one that travels in one piece. */
const crumbsOf = (name: string, value: string): string[] | undefined => {
  const crumbs = value.split(CRUMB, MOST_CRUMBS + 1);
  if (crumbs.length === 1 || crumbs.length > MOST_CRUMBS) return undefined;
  return crumbs.flatMap((crumb, at) => [at === 0 ? name : CRUMB, crumb]);
};

/** Of a Set-Cookie its value, and its attributes. */
const attributesOf = (name: string, value: string): string[] | undefined => {
  const [pair = "", ...attributes] = value.split(CRUMB, MOST_ATTRIBUTES + 2);
  const equals = pair.indexOf("=");
  if (equals < 1 || attributes.length > MOST_ATTRIBUTES) return undefined;
  const parts = [name + VALUE_IN_NAME + pair.slice(0, equals + 1), pair.slice(equals + 1)];
  for (const attribute of attributes) {
    const end = attribute.indexOf("=") + 1 || attribute.length;
    parts.push(CRUMB + attribute.slice(0, end), attribute.slice(end));
  }
  return parts;
};

/** What the peer takes in parts beside Cookie, and in what form. */
export interface TakenApart {
  readonly setCookies?: boolean;
  readonly fresh?: boolean;
  /** Whose values of several codes are packed. */
  readonly longCookies?: boolean;
}

/** Parts other than those of Cookie count some bytes more: only heads that cost no more have any, as every peer takes 8 KiB. @internal */
export const MOST_COST_APART = 7 * 1024;

/** A head with its cookies and what is fresh in parts; one without any is returned as it is. */
export const inParts = (fields: HeaderList, apart: TakenApart): HeaderList => {
  let parted: string[] | undefined;
  let small: boolean | undefined;
  const isSmall = () => {
    small ??= headCost(fields) <= MOST_COST_APART;
    return small;
  };
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const [name, value] = [fields[i] as string, fields[i + 1] as string];
    let parts: string[] | undefined;
    if (isCookie(name)) {
      parts = crumbsOf(name, value);
      if (apart.fresh && isSmall()) parts = freshInPairs(parts ?? [name, value]) ?? parts;
    } else if (isSetCookie(name))
      parts = apart.setCookies && isSmall() ? attributesOf(name, value) : undefined;
    else if (apart.fresh && FRESH_LENGTHS.has(name.length)) {
      const fresh = FRESH_FIELDS.get(name.toLowerCase());
      if (fresh !== undefined && isSmall()) parts = freshPartsOf(name, value, fresh);
    }
    if (parts !== undefined) {
      parted ??= fields.slice(0, i);
      parted.push(...parts);
    } else parted?.push(name, value);
  }
  return parted ?? fields;
};

/** The head that stands in these parts. Throws LinkError for a part that goes on with nothing. */
export const outOfParts = (head: HeaderList): HeaderList => {
  let fields: string[] | undefined;
  let told = 0;
  for (let i = 0; i + 1 < head.length; i += 2) {
    const [name, value] = [head[i] as string, head[i + 1] as string];
    const isFresh = FRESH_PARTS.has(name);
    const goesOn = isFresh || name.startsWith(CRUMB);
    if (!goesOn && !hasValueInName(name)) {
      told = 0;
      fields?.push(name, value);
      continue;
    }
    fields ??= head.slice(0, i);
    const at = SET_COOKIE.length;
    const last = fields.length - 1;
    if (!goesOn) fields.push(name.slice(0, at), name.slice(at + VALUE_IN_NAME.length) + value);
    else if (last < 1) throw new LinkError("bad-frame", "a part of a field without one before it");
    else if (isFresh) fields[last] = withFresh(fields[last] as string, told++, value);
    else fields[last] += name + value;
  }
  return fields ?? head;
};
