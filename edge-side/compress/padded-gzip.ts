/**
 * A page in gzip whose size tells next to nothing of it: padded by a comment in its header, which every decoder skips (RFC 1952
 * section 2.3.1). SPEC section "What sizes tell".
 */
import type { SizePadding } from "../../protocol/http/size-padding.ts";

const VISITOR_PADDING_STEP = 512;

const HEADER_BYTES = 10;
const FLAGS_AT = 3;
const COMMENT = 0x10;
const FILLER = "0";

/** `coded`: as zlib makes it, with no field in its header. */
export const paddedGzip = (coded: Buffer, page: Buffer, padding: SizePadding): Buffer => {
  const size = padding.sizeFor(coded.length, { step: VISITOR_PADDING_STEP, least: 1, of: page });
  const header = Buffer.from(coded.subarray(0, HEADER_BYTES));
  header[FLAGS_AT] = (header[FLAGS_AT] ?? 0) | COMMENT;
  const comment = Buffer.alloc(size - coded.length, FILLER);
  comment[comment.length - 1] = 0;
  return Buffer.concat([header, comment, coded.subarray(HEADER_BYTES)]);
};
