/** A head of HTTP/1.x as node's parser gives it: whether it is the one before again, and what it takes in memory. */
import type { IncomingMessage } from "node:http";

/** A larger head is read anew each time, so that a connection without a request holds little. */
const MOST_KEPT_CHARS = 4096;

export type RawHead = Pick<IncomingMessage, "method" | "url" | "httpVersion" | "rawHeaders">;

/** Whether it is the very same head: nothing that is made of it can differ. */
export const isSameHead = (a: RawHead, b: RawHead): boolean => {
  if (a.method !== b.method || a.url !== b.url || a.httpVersion !== b.httpVersion) return false;
  if (a.rawHeaders.length !== b.rawHeaders.length) return false;
  for (let i = 0; i < a.rawHeaders.length; i++) if (a.rawHeaders[i] !== b.rawHeaders[i]) return false;
  return true;
};

/** Whether it may be kept until the next one. */
export const isSmallHead = (head: readonly string[]): boolean => {
  let chars = 0;
  for (const part of head) chars += part.length;
  return chars <= MOST_KEPT_CHARS;
};

/** What a field takes beside its bytes while it waits, in strings and arrays. */
const FIELD_BYTES = 64;

/** What the head takes while it waits. */
export const headBytesOf = ({ url = "", rawHeaders }: IncomingMessage): number =>
  rawHeaders.reduce((bytes, part) => bytes + part.length + FIELD_BYTES, url.length);
