/**
 * The dictionary that an answer to this request may be coded with (RFC 9842): one that the visitor says to have, that
 * is held here, and that belongs to everybody or to this very session. Whoever says nothing costs one look through the
 * fields, and so does what is not held.
 */
import { isDictionaryPart } from "../../protocol/codec/dictionary.ts";
import { type DictionaryCoding, dictionaryCodings } from "../../protocol/http/accept-encoding.ts";
import { fieldOf, listOf } from "../../protocol/http/head.ts";
import type { HeaderList } from "../../protocol/http/header-list.ts";
import type { Fingerprint } from "../../protocol/store/fingerprint.ts";
import type { SizeExposure } from "../exchange/size-exposure.ts";

export interface Dictionary {
  readonly name: Fingerprint;
  readonly body: Buffer;
  readonly coding: DictionaryCoding;
  /** Somebody else may have chosen its text, and the answer may hold a secret: sizes must not tell which parts they share. */
  readonly padded: boolean;
  /** Who may be given an answer on it: this visitor, or by the caches in front whoever has it too. */
  readonly audience: "visitor" | "caches";
}

/** Under what its name a page coded with it is kept. */
export const copyName = ({ coding, name }: Dictionary): string => `${coding} ${name}`;

/** Larger ones take longer to read than they save. @internal */
export const MOST_DICTIONARY_BYTES = 2 * 1024 * 1024;

interface Asked {
  readonly method: string;
  readonly fields: HeaderList;
}

/** `find`: of those that this visitor may build on. */
export const availableDictionary = (
  { method, fields }: Asked,
  exposure: SizeExposure,
  find: (name: Fingerprint) => Buffer | undefined,
): Omit<Dictionary, "audience"> | undefined => {
  const name = namedDictionary(fields);
  if (name === undefined || (method !== "GET" && method !== "HEAD")) return undefined;
  if (exposure === "navigation" || exposure === "foreign" || !isReadable(fields)) return undefined;
  const padded = exposure === "own";
  // Only zstd has room for padding.
  const coding = dictionaryCodings(fields).find((each) => each === "dcz" || !padded);
  const body = coding && find(name);
  if (coding === undefined || body === undefined || body.length > MOST_DICTIONARY_BYTES) return undefined;
  return isDictionaryPart(body) ? { name, body, coding, padded } : undefined;
};

/** A byte sequence of 32 bytes (RFC 9651 section 3.3.5), and only one. */
const SHA256 = /^\s*:([A-Za-z0-9+/]{43}=):\s*$/;

/** Undefined where the request names none, several, or no SHA-256. */
const namedDictionary = (fields: HeaderList): Fingerprint | undefined => {
  const said = listOf(fields, "available-dictionary");
  const [, base64] = (said !== undefined && SHA256.exec(said)) || [];
  return base64 === undefined ? undefined : (Buffer.from(base64, "base64").toString("latin1") as Fingerprint);
};

/**
 * Whether the page that asked may read the answer, so that its size tells it nothing new (RFC 9842 section 9.3): its
 * own origin, a navigation, or no page at all. Others could where CORS allows it, which is not worth finding out.
 */
const isReadable = (fields: HeaderList): boolean => {
  const site = fieldOf(fields, "sec-fetch-site")?.trim();
  return (
    site === undefined ||
    site === "same-origin" ||
    site === "none" ||
    fieldOf(fields, "sec-fetch-mode")?.trim() === "navigate"
  );
};
