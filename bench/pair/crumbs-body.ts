/** Bodies in pieces of one byte, and a small page that others ask for meanwhile. */

export const SMALL_PAGE = "a small page\n".repeat(40);

const FIRST_LETTER = 97;
/** A prime number of letters, so that no power of two of them repeats. */
const LETTERS = 23;

/** A body of so many bytes, each another one than that before it. */
export const crumbsOf = (bytes: number): Buffer =>
  Buffer.from(Uint8Array.from({ length: bytes }, (_, at) => FIRST_LETTER + (at % LETTERS)));

const LAST_CHUNK = Buffer.from("0\r\n\r\n");

/** As chunks of one byte each, with the last one (RFC 9112 section 7.1). */
export const chunkedCrumbs = (body: Buffer): Buffer => {
  const chunk = Buffer.from("1\r\n-\r\n");
  const chunks = Buffer.alloc(body.length * chunk.length);
  for (const [at, letter] of body.entries()) {
    chunk[3] = letter;
    chunk.copy(chunks, at * chunk.length);
  }
  return Buffer.concat([chunks, LAST_CHUNK]);
};
