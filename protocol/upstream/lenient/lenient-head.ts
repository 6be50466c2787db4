/**
 * The head of a response as servers of any age write it, made strict: lines that end with LF alone, folded fields, white space before
 * a colon, lines that are no field, the same Content-Length or `chunked` twice, control characters in a value. What could be read in
 * two ways, or could end a line further on, is refused with an Error that names the bytes, escaped and short. RFC 9112 sections 2.2, 4,
 * 5.1, 5.2 and 6.
 */

import type { HeaderList } from "../../http/header-list.ts";
import { trimSpace } from "../../http/white-space.ts";

/** A head in strict form, and what it says of its body. */
export interface StrictHead {
  readonly status: number;
  readonly reason: string;
  /** It is of HTTP/1.0 or older. */
  readonly isOld: boolean;
  /** Ends with an empty line. */
  readonly text: string;
  /** RFC 9112 does not allow the form that it came in. */
  readonly lenient: boolean;
  readonly contentLength: number | undefined;
  readonly isChunked: boolean;
}

/** Told of a response as it comes. */
export interface ResponseSink {
  /** Of interim ones first, then of the response. */
  headIsHere(head: StrictHead): void;
  /** `bytes` may be read into again when this returns. */
  pieceIsHere(bytes: Buffer): void;
  messageIsOver(trailers: HeaderList): void;
}

/** What can go on as it is, in the form that is printed here. */
const STRICT =
  /^HTTP\/1\.1 (\d{3}) ((?:[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?)\r\n(?:[\w!#$%&'*+.^`|~-]+: (?:[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?\r\n)*\r\n$/;
const FRAMING =
  /\r\n(?:content-length: (\d+)(?=\r)|transfer-encoding: (chunked)(?=\r)|(?:content-length|transfer-encoding):.*)(?=\r\n)/i;

interface Field {
  readonly name: string;
  value: string;
  /** It came over several lines, or with control characters: what others make of it may differ. */
  isDoubtful: boolean;
}

/** RFC 9110 section 5.6.2. */
const TOKEN = /^[\w!#$%&'*+.^`|~-]+$/;
/** IIS wrote a second number behind its status (403.14); Shoutcast says ICY and means HTTP/1.0. */
const STATUS_LINE = /^(ICY|HTTP\/[0-3](?:\.\d{1,2})?) ( *)(\d{3})(?:\.\d{1,3})?(?: (.*))?$/s;
const OLD_VERSION = /^(?:ICY|HTTP\/(?:0\.\d+|0|1|1\.0))$/;
const SPOKEN_VERSION = /^HTTP\/1\.[01]$/;
const STATUS_AND_MORE = /^\S+ \d{3}\./;
/** Controls but the tab. */
const CONTROLS = /[^\t\x20-\x7e\x80-\xff]/g;
/** RFC 9110 section 5.5: what may never be taken for a space. */
const NEVER = /[\0\r\n]/;
const SHOWN_CHARACTERS = 32;
/** Bytes; no body has so many. */
const TOO_LONG = 2 ** 64;

/** For the log. */
export const shown = (text: string): string =>
  JSON.stringify(text.slice(0, SHOWN_CHARACTERS)).replace(
    /[\x7f-\xff]/g,
    (character) => `\\u00${character.charCodeAt(0).toString(16)}`,
  );

/** `text`: from the status line to the empty line, both included. Throws an Error for one that is no head. */
export const strictHead = (text: string): StrictHead => {
  const { lines, lenient: barely } = linesOf(text);
  const line = lines[0] ?? "";
  const [, version = "", spaces = "", status = "", reason = ""] = STATUS_LINE.exec(line) ?? [];
  if (status === "" || line.includes("\r")) throw new Error(`it sent no status line: ${shown(line)}`);
  const { fields, lenient } = fieldsOf(lines.slice(1));
  const framing = framingOf(fields);
  const isOlder = OLD_VERSION.test(version);
  const isInterim = status.startsWith("1");
  const phrase = cleaned(reason);
  return {
    status: Number(status),
    reason: phrase,
    isOld: isOlder,
    text: `HTTP/${isOlder ? "1.0" : "1.1"} ${status} ${phrase}\r\n${print(framing.fields)}\r\n`,
    lenient:
      barely ||
      lenient ||
      framing.lenient ||
      !SPOKEN_VERSION.test(version) ||
      STATUS_AND_MORE.test(line) ||
      spaces !== "" ||
      holdsControls(reason) ||
      (isOlder && framing.isChunked),
    contentLength: isInterim ? undefined : framing.contentLength,
    isChunked: !isInterim && framing.isChunked,
  };
};

/** A head that is strict already, as today's web servers write it; undefined: `strictHead` has to look. */
export const asStrict = (text: string): StrictHead | undefined => {
  const [, status, reason = ""] = STRICT.exec(text) ?? [];
  if (status === undefined) return undefined;
  const framing = FRAMING.exec(text);
  const [, length, chunked] = framing ?? [];
  if (framing !== null) {
    const isPlain = length !== undefined || chunked !== undefined;
    if (!isPlain || Number(length ?? 0) >= TOO_LONG || FRAMING.test(text.slice(framing.index + 1)))
      return undefined;
  }
  const isInterim = status.startsWith("1");
  return {
    status: Number(status),
    reason,
    isOld: false,
    text,
    lenient: false,
    contentLength: isInterim || length === undefined ? undefined : Number(length),
    isChunked: !isInterim && chunked !== undefined,
  };
};

/** Trailers, without those that frame (RFC 9110 section 6.5.1). `text` as for `strictHead`, without a status line. */
export const strictTrailers = (text: string): { readonly fields: HeaderList; readonly lenient: boolean } => {
  const { lines, lenient: barely } = linesOf(text);
  const { fields, lenient } = fieldsOf(lines);
  const kept = fields.filter((field) => !isFraming(field));
  return { fields: kept.flatMap(({ name, value }) => [name, value]), lenient: barely || lenient };
};

/**
 * The value of a field that came in no line, strict. Throws an Error that names the field where a line would be refused for it.
 */
export const strictValue = (name: string, value: string): string => {
  if (!TOKEN.test(name)) throw new Error(`it sent a field whose name is none: ${shown(name)}`);
  if (NEVER.test(value))
    throw new Error(`its field ${shown(name)} holds ${shown(/[\0\r\n]+/.exec(value)?.[0] ?? "")}`);
  return cleaned(value);
};

/** Names that web servers sent, each as one string: what is looked up by it finds its hash, and compares no characters. */
const NAMES = new Map<string, string>();
const MOST_NAMES = 256;
const MOST_NAME_CHARACTERS = 40;

const sameName = (name: string): string => {
  const known = NAMES.get(name);
  if (known !== undefined || name.length > MOST_NAME_CHARACTERS) return known ?? name;
  if (NAMES.size >= MOST_NAMES) NAMES.clear();
  const own = Buffer.from(name, "latin1").toString("latin1"); // not a slice, which would keep its head
  NAMES.set(own, own);
  return own;
};

/** Of a head in strict form. */
export const fieldsIn = (text: string): HeaderList => {
  const fields: string[] = [];
  for (let at = text.indexOf("\r\n") + 2; ; ) {
    const end = text.indexOf("\r\n", at);
    if (end <= at) return fields;
    const colon = text.indexOf(":", at);
    fields.push(sameName(text.slice(at, colon)), text.slice(colon + 2, end));
    at = end + 2;
  }
};

const print = (fields: readonly Field[]): string =>
  fields.map(({ name, value }) => `${name}: ${value}\r\n`).join("");

/** Lines without their ends, and without the empty one that ends them all. */
const linesOf = (text: string): { readonly lines: readonly string[]; readonly lenient: boolean } => {
  const lines = text.split("\n");
  let lenient = false;
  const bare = lines.slice(0, -2).map((line) => {
    const stripped = withoutCrs(line);
    lenient ||= stripped.length !== line.length - 1;
    return stripped;
  });
  return { lines: bare, lenient: lenient || lines.at(-2) !== "\r" };
};

const withoutCrs = (line: string): string => {
  let end = line.length;
  while (end > 0 && line[end - 1] === "\r") end--;
  return line.slice(0, end);
};

const fieldsOf = (lines: readonly string[]): { readonly fields: Field[]; readonly lenient: boolean } => {
  const fields: Field[] = [];
  let lenient = false;
  let previous: Field | undefined;
  for (const line of lines) {
    if (NEVER.test(line))
      throw new Error(`a line of its head holds ${shown(/[\0\r\n]+/.exec(line)?.[0] ?? "")}`);
    if (/^[ \t]/.test(line)) {
      if (previous === undefined) throw new Error(`its head begins with white space: ${shown(line)}`);
      previous.value += ` ${cleaned(line)}`;
      previous.isDoubtful = true;
      lenient = true;
      continue;
    }
    const { name, raw } = partsOf(line);
    const isField = TOKEN.test(name);
    const isStrict = isField && line[name.length] === ":";
    const isDoubtful = holdsControls(raw);
    lenient ||= isDoubtful || !isStrict;
    previous = { name, value: cleaned(raw), isDoubtful };
    if (!isStrict && LIKE_FRAMING.test(name.replace(NO_TOKENS, "")))
      throw new Error(`the field that frames its body has another name: ${shown(name)}`);
    if (isField) fields.push(previous);
  }
  for (const field of fields) if (field.isDoubtful) field.value = trimSpace(field.value);
  return { fields, lenient };
};

const NO_TOKENS = /[^\w!#$%&'*+.^`|~-]/g;
const LIKE_FRAMING = /^(?:content-length|transfer-encoding)$/i;

/**
 * White space before the colon is none of the name (RFC 9112 section 5.1: a proxy must remove it from a response). A line without a
 * colon has no name; browsers pass over it, and over one whose name is no token, such as a second status line or a script's notice.
 */
const partsOf = (line: string): { readonly name: string; readonly raw: string } => {
  const colon = line.indexOf(":");
  return { name: line.slice(0, Math.max(colon, 0)).replace(/[ \t]+$/, ""), raw: line.slice(colon + 1) };
};

/** Without the white space around it, which is no part of it; of what no value may hold, spaces (RFC 9110 section 5.5). */
const cleaned = (raw: string): string => trimSpace(raw.replace(CONTROLS, " "));

const holdsControls = (raw: string): boolean => raw.search(CONTROLS) !== -1;

const isNamed = ({ name }: Field, wanted: string): boolean =>
  name.length === wanted.length && name.toLowerCase() === wanted;

const isFraming = (field: Field): boolean =>
  isNamed(field, "content-length") || isNamed(field, "transfer-encoding");

interface Framing {
  readonly fields: readonly Field[];
  readonly lenient: boolean;
  readonly contentLength: number | undefined;
  readonly isChunked: boolean;
}

const framingOf = (fields: readonly Field[]): Framing => {
  const framing = fields.filter(isFraming);
  const none = { fields, lenient: false, contentLength: undefined, isChunked: false };
  if (framing.length === 0) return none;
  if (framing.some(({ isDoubtful }) => isDoubtful))
    throw new Error("the field that frames its body is folded, or holds control characters");
  const lengths = framing.filter((field) => isNamed(field, "content-length"));
  const codings = framing.filter((field) => isNamed(field, "transfer-encoding"));
  const [coding] = codings;
  if (coding === undefined) return withLength(fields, lengths);
  const said = codings.map(({ value }) => value).join(", ");
  const only = new Set(said.toLowerCase().split(",").map(trimSpace).filter(Boolean));
  const [name] = only;
  if (only.size !== 1 || (name !== "chunked" && name !== "identity"))
    throw new Error(`it used a transfer coding that nobody had asked for: ${shown(said)}`);
  if (name === "identity") return { ...withoutCodings(fields, lengths, codings), lenient: true };
  if (lengths.length > 0) throw new Error("it sent Transfer-Encoding beside Content-Length");
  const lenient = said.toLowerCase() !== name;
  const kept = fields.filter((field) => field === coding || !codings.includes(field));
  coding.value = lenient ? name : coding.value;
  return { fields: kept, lenient, contentLength: undefined, isChunked: true };
};

/** HTTP had `identity` for no coding at all (RFC 2616 section 3.6): the length counts, or the end of the connection. */
const withoutCodings = (
  fields: readonly Field[],
  lengths: readonly Field[],
  codings: readonly Field[],
): Framing => {
  const left = fields.filter((field) => !codings.includes(field));
  return lengths.length > 0
    ? withLength(left, lengths)
    : { fields: left, lenient: true, contentLength: undefined, isChunked: false };
};

/** Several that say the same are one (RFC 9112 section 6.3). */
const withLength = (fields: readonly Field[], lengths: readonly Field[]): Framing => {
  const said = lengths.flatMap(({ value }) => value.split(",")).map(trimSpace);
  const [first = ""] = said;
  const number = first.replace(/^0+/, "");
  if (said.some((each) => !/^\d+$/.test(each) || each.replace(/^0+/, "") !== number))
    throw new Error(`its Content-Length is not one number: ${shown(said.join(", "))}`);
  const kept = fields.filter((field) => field === lengths[0] || !isNamed(field, "content-length"));
  const lenient = said.length > 1;
  if (Number(first) >= TOO_LONG) throw new Error(`its Content-Length is too large: ${shown(first)}`);
  if (lengths[0] !== undefined) lengths[0].value = first;
  return { fields: kept, lenient, contentLength: Number(first), isChunked: false };
};
