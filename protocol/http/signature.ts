/**
 * Signatures over parts of a message: a field that one covers must arrive as it was signed. No signature is verified here;
 * they are only looked at for the names that they cover, and a name too many only means that less is changed. HTTP message
 * signatures (RFC 9421) and their drafts, AWS Signature Version 4 and those made after it, those of Alibaba's object store and API
 * gateway, and of Tencent's object store.
 */
import { FieldNames } from "./field-names.ts";
import { listOf, type RequestHead } from "./head.ts";
import type { HeaderList } from "./header-list.ts";

const SIGNATURE_FIELDS = ["signature-input", "signature"];
/** Fields of requests that list what is signed. */
const LISTING_FIELDS = new FieldNames([
  ...SIGNATURE_FIELDS,
  "authorization",
  "x-ca-signature-headers",
  "x-signature-headers",
  "x-signed-headers",
]);
const SIGNED_BY_QUERY = /[?&](?:[\w-]*(?:signed|additional)-?headers|q-header-list)=([^&#]*)/i;
/** With word boundaries, so that a covered `x-digest` is not a covered `digest`. */
const covering = (names: readonly string[]): RegExp =>
  new RegExp(`(?:^|[^\\w-])(?:${names.join("|")})(?:$|[^\\w-])`, "i");

const REQUEST_PATTERNS = {
  "accept-encoding": covering(["accept-encoding"]),
  "if-match": covering(["if-match"]),
  "if-none-match": covering(["if-none-match"]),
} as const;

/** Whether a signature of the request covers the field of this name. */
export const isSigned = ({ target, fields }: RequestHead, name: keyof typeof REQUEST_PATTERNS): boolean => {
  const covers = REQUEST_PATTERNS[name];
  for (let i = 0; i + 1 < fields.length; i += 2)
    if (LISTING_FIELDS.has(fields[i] as string) && covers.test(fields[i + 1] as string)) return true;
  const [, listed] = SIGNED_BY_QUERY.exec(target) ?? [];
  return listed !== undefined && covers.test(unescaped(listed));
};

/** What changes with the content coding of a response. */
const OF_A_CODING = covering([
  ...["content-encoding", "content-length", "content-digest", "repr-digest", "digest", "content-md5"],
  ...["etag", "accept-ranges", "vary"],
]);

/** Whether a signature of the response covers its digest, or anything else that a change of its coding would change. */
export const isCodingSigned = (fields: HeaderList): boolean =>
  SIGNATURE_FIELDS.some((field) => OF_A_CODING.test(listOf(fields, field) ?? ""));

const unescaped = (text: string): string => {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
};
