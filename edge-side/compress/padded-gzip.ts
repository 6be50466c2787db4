/**
 * A page in gzip whose size tells next to nothing of it: padded by an extra field in its header, which every decoder skips (RFC
 * 1952 section 2.3.1.1). Not by a comment there: Go's takes none of 512 bytes. SPEC section "What sizes tell".
 */
import type { SizePadding } from "../../protocol/http/size-padding.ts";

const VISITOR_PADDING_STEP = 512;

const HEADER_BYTES = 10;
const FLAGS_AT = 3;
const EXTRA_FIELD = 0x04;
/** The length of the extra field, then the name and the length of the one subfield in it. */
const EXTRA_HEAD_BYTES = 6;
const FILLER = "0";
const SUBFIELD = "PD";

/** `coded`: as zlib makes it, with no field in its header. */
export const paddedGzip = (coded: Buffer, page: Buffer, padding: SizePadding): Buffer => {
  const size = padding.sizeFor(coded.length, {
    step: VISITOR_PADDING_STEP,
    least: EXTRA_HEAD_BYTES,
    of: page,
  });
  const header = Buffer.from(coded.subarray(0, HEADER_BYTES));
  header[FLAGS_AT] = (header[FLAGS_AT] ?? 0) | EXTRA_FIELD;
  const extra = Buffer.alloc(size - coded.length, FILLER);
  extra.writeUInt16LE(extra.length - 2, 0);
  extra.write(SUBFIELD, 2, "latin1");
  extra.writeUInt16LE(extra.length - EXTRA_HEAD_BYTES, 4);
  return Buffer.concat([header, extra, coded.subarray(HEADER_BYTES)]);
};
