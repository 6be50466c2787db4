/** An integer that begins in the low `bits` of a byte, whose high bits say what it is for, as in RFC 7541 section 5.1. */
import type { ByteReader, ByteWriter } from "../wire/bytes.ts";

export const writeIndex = (w: ByteWriter, form: number, bits: number, index: number): void => {
  const full = (1 << bits) - 1;
  if (index < full) w.u8(form | index);
  else w.u8(form | full).varint(index - full);
};

export const readIndex = (r: ByteReader, first: number, bits: number): number => {
  const full = (1 << bits) - 1;
  const low = first & full;
  return low < full ? low : full + r.varint();
};
