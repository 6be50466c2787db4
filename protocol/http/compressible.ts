/**
 * Which media types are worth compressing, by `compressible` (mime-db), and which no codec finds anything in. Two questions: a
 * type that nobody knows is not compressed for visitors, but may well travel as a delta, which is tried on its bytes.
 */
import compressible from "compressible";
import { onceFor } from "../runtime/once-for.ts";
import { fieldOf } from "./head.ts";
import type { HeaderList } from "./header-list.ts";
import { rememberReading } from "./remember-reading.ts";

/** Where we do not follow mime-db, and why. */
const DIFFERENT: readonly { readonly types: RegExp; readonly compressed: boolean }[] = [
  // Each event would be a flush, and proxies after us might wait for more of a compressed stream.
  { types: /^text\/event-stream$/, compressed: false },
  // Text, and outlines in plain numbers, of which mime-db has no word.
  { types: /^(?:application\/(?:x-ndjson|graphql)|font\/collection)$/, compressed: true },
  // Containers: what fills them is as a rule compressed already, and large.
  { types: /^application\/(?:(?:x-)?tar|x-virtualbox-[a-z]+)$/, compressed: false },
];

/** Whether a page of this Content-Type gets smaller by a content coding. False where that is not known. */
export const isCompressible = rememberReading((contentType): boolean => {
  const type = mediaType(contentType);
  return DIFFERENT.find(({ types }) => types.test(type))?.compressed ?? compressible(type) === true;
});

/** Types whose bytes are compressed already, so no codec finds anything in them. Others may be: `application/octet-stream` is anything. */
const COMPRESSED_TYPE =
  /^(image\/(?!svg|bmp|x-|tiff|vnd\.microsoft\.icon)|video\/|audio\/(?!(?:x-|vnd\.)?wave?\b|(?:x-)?aiff|basic|midi|l\d)|font\/woff|application\/(font-woff|zip|gzip|x-gzip|zstd|pdf|x-7z|x-rar|x-bzip|x-xz|java-archive|vnd\.(rar|openxmlformats|oasis)|epub|x-shockwave))/;

/** Whether the bytes of this Content-Type are compressed as they are, so that a delta of them gains nothing. */
export const isCompressed = (contentType: string): boolean => COMPRESSED_TYPE.test(mediaType(contentType));

/** Whether a response with these fields is a stream of server-sent events, each of which has to go on at once. */
export const isEventStream = onceFor(
  (fields: HeaderList): boolean => mediaType(fieldOf(fields, "content-type") ?? "") === "text/event-stream",
);

/** Without its parameters (RFC 9110 section 8.3.1). */
const mediaType = (contentType: string): string => {
  const end = contentType.indexOf(";");
  return (end === -1 ? contentType : contentType.slice(0, end)).trim().toLowerCase();
};
