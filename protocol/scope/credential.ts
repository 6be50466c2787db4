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
