/** What `dcz` and `dcb` are beside zstd and brotli: the hash of the dictionary before all else (RFC 9842 sections 4 and 5). */
import { constants } from "node:zlib";
import { SHARED_PADDING_STEP } from "../../protocol/frames/answer-sizes.ts";
import type { Coding, DictionaryCoding } from "../../protocol/http/accept-encoding.ts";
import { SizePadding } from "../../protocol/http/size-padding.ts";
import type { Dictionary } from "../dictionaries/available-dictionary.ts";

/** What each is made by. */
export const ON: Readonly<Record<DictionaryCoding, Coding>> = { dcz: "zstd", dcb: "br" };

/** A skippable frame of 32 bytes, to zstd; four bytes of its own to brotli. */
const MAGIC: Readonly<Record<DictionaryCoding, Buffer>> = {
  dcz: Buffer.from("5e2a4d1820000000", "hex"),
  dcb: Buffer.from("ff444342", "hex"),
};

export const prefixOf = ({ coding, name }: Dictionary): Buffer =>
  Buffer.concat([MAGIC[coding], Buffer.from(name, "latin1")]);

/** What every decoder grants, whatever the dictionary (RFC 9842 section 5: 8 MB, or 1.25 times the dictionary if that is more). */
const MOST_WINDOW_LOG = 23;
/** A page whose length is not known is taken to be no longer than this. */
const LIKELY_BYTES = 1 << 20;

/** The smallest window that covers dictionary and page: a page that outgrows it loses sight of the dictionary. */
export const zstdWindowLog = (dictionary: Buffer, bytes = LIKELY_BYTES): number =>
  Math.min(
    MOST_WINDOW_LOG,
    Math.max(constants.Z_MIN_WINDOWBITS + 2, Math.ceil(Math.log2(dictionary.length + bytes))),
  );

/** RFC 8878 section 3.1.2: skipped by every decoder. */
const SKIPPABLE = 0x184d2a50;
const SKIPPABLE_HEAD_BYTES = 8;
/** One key for the whole run. */
const padding = new SizePadding();

/** What stands behind so many coded bytes, so that their number tells next to nothing of a few. */
export const paddingFrame = (bytes: number): Buffer => {
  const size = padding.sizeFor(bytes, { step: SHARED_PADDING_STEP, least: SKIPPABLE_HEAD_BYTES, of: "" });
  const frame = Buffer.alloc(size - bytes);
  frame.writeUInt32LE(SKIPPABLE, 0);
  frame.writeUInt32LE(frame.length - SKIPPABLE_HEAD_BYTES, 4);
  return frame;
};
