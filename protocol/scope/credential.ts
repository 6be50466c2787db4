/** One thing that a request shows of who sent it: a cookie, or a header that is a credential. */

export interface Credential {
  readonly from: "cookie" | "header";
  readonly name: string;
  readonly value: string;
}

/** A cookie value at least this long may be a secret; shorter ones are languages, currencies, flags. @internal */
export const LEAST_SECRET_CHARS = 16;

export const isShort = (value: string): boolean => value.length < LEAST_SECRET_CHARS;

export const isCookie = ({ from }: Credential): boolean => from === "cookie";

/** Lengths come first, so that no two lists of credentials read the same. */
export const encoded = ({ from, name, value }: Credential): string =>
  `${from} ${name.length} ${value.length} ${name}${value}`;

const FORGERY_TOKEN = /[cx]srf/;

/**
 * Whether a header only says again what a cookie of the same request says: browsers' scripts send the cookie against forged requests as a
 * header too (axios and Angular XSRF-TOKEN as X-XSRF-TOKEN), decoded. Whoever knows it has that cookie.
 */
export const repeatsCookie = (header: Credential, all: readonly Credential[]): boolean =>
  FORGERY_TOKEN.test(header.name) &&
  !isShort(header.value) &&
  all.some((each) => isCookie(each) && (each.value === header.value || decoded(each.value) === header.value));

const decoded = (value: string): string | undefined => {
  try {
    return decodeURIComponent(value);
  } catch {
    return undefined;
  }
};
