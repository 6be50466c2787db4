/** A token that whoever asks must show, in a file of its own. */
import { createHash, timingSafeEqual } from "node:crypto";
import type { Surroundings } from "./parse-config.ts";
import { type NamedFile, namedFile } from "./schema.ts";

/** The token as it is sent: the file without white space around it. */
export const tokenText = (token: NamedFile): string => token.bytes.toString("utf8").trim();

/** Whether this is the token; in a time that does not tell where they differ. */
export const isToken = (shown: string, token: string): boolean =>
  timingSafeEqual(digestOf(shown), digestOf(token));

const digestOf = (text: string): Buffer => createHash("sha256").update(text).digest();

/** A shorter token could be guessed. */
const LEAST_TOKEN_CHARS = 16;

export const tokenFile = (near: Surroundings) =>
  namedFile(near).refine(
    (file) => new RegExp(`^[\\x21-\\x7e]{${LEAST_TOKEN_CHARS},}$`).test(tokenText(file)),
    {
      abort: true,
      error: `names a file that does not hold a token: ${LEAST_TOKEN_CHARS} characters at least, without spaces; \`openssl rand -hex 32\` makes one`,
    },
  );
