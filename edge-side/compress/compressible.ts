/** Which pages are sent to visitors in content codings at all. SPEC section "Encodings". */
import { isCompressible } from "../../protocol/http/compressible.ts";
import { fieldOf, isBodiless, type ResponseHead } from "../../protocol/http/head.ts";
import type { HeaderList } from "../../protocol/http/header-list.ts";
import { forbidsRecoding, isCoded, mustKeepCoding } from "../../protocol/http/representation.ts";
import { onceFor } from "../../protocol/runtime/once-for.ts";

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
export const isEncodable = ({ fields, compress }: CodingWishes, head: ResponseHead): boolean =>
  compress && mayBeCoded(head) && !forbidsRecoding(fields);

const mayBeCoded = onceFor(({ status, fields }: ResponseHead): boolean => {
  if (isBodiless(status) || status === PARTIAL || isCoded(fields)) return false;
  if (!isCompressible(fieldOf(fields, "content-type") ?? "")) return false;
  return fieldOf(fields, "content-range") === undefined && !mustKeepCoding(fields);
});
