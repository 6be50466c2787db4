/** Which pages are sent to visitors in content codings at all. SPEC section "Encodings". */
import { isCompressible } from "../../protocol/http/compressible.ts";
import { fieldOf, isBodiless, type ResponseHead } from "../../protocol/http/head.ts";
import type { HeaderList } from "../../protocol/http/header-list.ts";
import { forbidsRecoding, isCoded, mustKeepCoding } from "../../protocol/http/representation.ts";

/** Shorter bodies gain less than the head grows. */
export const LEAST_ENCODED_BYTES = 200;

const PARTIAL = 206;

export interface CodingWishes {
  readonly method: string;
  readonly fields: HeaderList;
  /** Whether the listener compresses at all. */
  readonly compress: boolean;
}

/** Whether this resource is one that we send in several codings; the same for every visitor, so that heads agree. */
export const isEncodable = ({ fields, compress }: CodingWishes, head: ResponseHead): boolean => {
  if (!compress || isBodiless(head.status) || head.status === PARTIAL || isCoded(head.fields)) return false;
  if (!isCompressible(fieldOf(head.fields, "content-type") ?? "")) return false;
  if (fieldOf(head.fields, "content-range") !== undefined) return false;
  return !mustKeepCoding(head.fields) && !forbidsRecoding(fields);
};
