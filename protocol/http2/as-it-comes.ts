/** What both ends of HTTP/2 tell node of heads: they go on as they came, as over HTTP/1.1. */
export const AS_IT_COMES = {
  // Values with white space around them are trimmed by us: nghttp2 would drop the field and say nothing.
  strictFieldWhitespaceValidation: false,
  // A head with a field twice is none of our business.
  strictSingleValueFields: false,
  // Bytes of a block of fields, as it may be at most by nghttp2's own estimate: its 64 KiB are less than `limits.headBytes` may be.
  maxSendHeaderBlockLength: 256 * 1024,
} as const;
