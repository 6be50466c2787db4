/**
 * How the wire grows: hello, heads, end, reset and go-away carry (tag, length, bytes) entries. A reader skips unknown even
 * tags and refuses unknown odd ones, so an odd tag says "do not go on without understanding this". SPEC section
 * "Extensions".
 */

import { LinkError } from "../errors.ts";
import { ByteReader, ByteWriter } from "./bytes.ts";

export interface Extension {
  readonly tag: number;
  readonly bytes: Buffer;
}

export const NO_EXTENSIONS: readonly Extension[] = [];

/** Tags that this version gives a meaning. */
export const EXTENSION = {
  /** In open: how the request's body is coded (request-coding). */
  requestCoding: 1,
  /** In open: an id that both ends put in their logs, latin1, at most 64 bytes. */
  requestId: 2,
  /** In end and answer: microseconds the origin side waited for the origin and spent encoding, two varints. */
  timings: 4,
  /** In hello: the features spoken, names in latin1 separated by spaces. */
  features: 6,
  /** In open: the number of the visitor's connection, where one to the web server may be logged in for it (visitor-connection). */
  visitorConnection: 8,
  /** In open: what the size of the answer may tell (answer-sizes). */
  answerSizes: 12,
  /** In answer and end: bytes without a meaning. */
  padding: 14,
  /** In open: of which offers whole units only are copied (whole-units). */
  wholeUnits: 16,
  /** In hello: the version of the sender's program, latin1. */
  program: 18,
  /** In hello: milliseconds since 1970 by the sender's clock, a varint. */
  today: 20,
  /** In open, empty: the answer is not to be a mixed splice (mixed-splices). */
  notMixed: 22,
} as const;

const KNOWN: ReadonlySet<number> = new Set(Object.values(EXTENSION));

export const writeExtensions = (w: ByteWriter, extensions: readonly Extension[]): void => {
  for (const { tag, bytes } of extensions) w.varint(tag).varint(bytes.length).bytes(bytes);
};

/** Entries with their length in bytes before them. */
export const writeSizedExtensions = (w: ByteWriter, extensions: readonly Extension[]): void => {
  const at = w.beginSized();
  writeExtensions(w, extensions);
  w.endSized(at);
};

/** Reads entries to the end of `r`, which holds nothing else. Unknown even tags are left out of the result. */
export const readExtensions = (r: ByteReader): readonly Extension[] => {
  if (r.left === 0) return NO_EXTENSIONS;
  const extensions: Extension[] = [];
  while (r.left > 0) {
    const tag = r.varint();
    const bytes = r.bytes(r.varint());
    if (KNOWN.has(tag)) extensions.push({ tag, bytes });
    else if (tag % 2 === 1)
      throw new LinkError("bad-frame", `extension ${tag} must be understood, and is not`);
  }
  return extensions;
};

export const extensionOf = (extensions: readonly Extension[], tag: number): Buffer | undefined =>
  extensions.find((extension) => extension.tag === tag)?.bytes;

/** One for all: each comes with more room than this needs. */
const writer = new ByteWriter();

/** An extension that is one number. */
export const numberExtension = (tag: number, number: number): Extension => ({
  tag,
  bytes: writer.varint(number).take(),
});

/** Undefined where the extension is not there. Throws LinkError where it is no number alone. */
export const numberIn = (extensions: readonly Extension[], tag: number): number | undefined => {
  const said = extensionOf(extensions, tag);
  if (said === undefined) return undefined;
  const r = new ByteReader(said);
  const number = r.varint();
  r.end();
  return number;
};
