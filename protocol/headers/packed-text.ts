/**
 * The value of a cookie in fewer bytes than its text: sessions that are sealed or signed are pieces of base64 or hexadecimal with
 * `--` between them. How many bytes it takes follows from the text alone. SPEC section "Changes".
 */
import { LinkError } from "../errors.ts";
import { type ByteReader, ByteWriter } from "../wire/bytes.ts";
import { type CharacterCoding, packCharacters, readCharacters } from "./packed-characters.ts";
import { packedRuns, readPackedRuns } from "./packed-runs.ts";

interface PieceForm {
  readonly pattern: RegExp;
  readonly coding: CharacterCoding;
  /** Stand for `+`, `/` and `=`. */
  readonly escapes: readonly [string, string, string];
}

const PLAIN = ["+", "/", "="] as const;
const ESCAPED = ["%2B", "%2F", "%3D"] as const;

/** By their number; the first that a piece fits is its form. */
const FORMS: readonly PieceForm[] = [
  { pattern: /^([0-9a-f]+)(){0}$/, coding: "hex", escapes: PLAIN },
  { pattern: /^([A-Za-z0-9+/]+)(={0,2})$/, coding: "base64", escapes: PLAIN },
  { pattern: /^((?:[A-Za-z0-9]|%2B|%2F)+)((?:%3D){0,2})$/, coding: "base64", escapes: ESCAPED },
  { pattern: /^([A-Za-z0-9_-]+)(={0,2})$/, coding: "base64url", escapes: PLAIN },
];

const SEPARATOR = "--";
/** @internal */
export const MOST_PIECES = 8;
/** @internal */
export const MOST_CHARACTERS = 2048;
/** In the place of the pads: the piece is base64 of a text that is packed itself. */
const SEALED = 3;
/** What such a text is, in the place of the characters' number: again a packed text (Rails), or four pieces in JSON (Laravel). */
const INNER = { packed: 0, json: 1 } as const;
const JSON_TEXT = /^\{"iv":"([^"\\]*)","value":"([^"\\]*)","mac":"([^"\\]*)","tag":"([^"\\]*)"\}$/;
const jsonOf = ([iv, value, mac, tag]: readonly string[]): string =>
  `{"iv":"${iv}","value":"${value}","mac":"${mac}","tag":"${tag}"}`;

interface PackedPiece {
  readonly shape: number;
  readonly bytes: Buffer;
}

/** Used and emptied within one call. */
const writer = new ByteWriter();

/** What a reader knows beside pieces. */
export interface ReadsPacked {
  /** Pieces that are packed within. */
  readonly sealed?: boolean;
  /** Runs of an alphabet in any text. */
  readonly runs?: boolean;
}

/** Undefined for what is no such text. */
export const packedText = (
  text: string,
  { sealed = false, runs = false }: ReadsPacked = {},
): Buffer | undefined => {
  const pieces =
    text.length > MOST_CHARACTERS ? undefined : packedPieces(text.split(SEPARATOR, MOST_PIECES + 1), sealed);
  if (pieces !== undefined) return writtenPieces(pieces, pieces.length);
  return runs ? packedRuns(text) : undefined;
};

const packedPieces = (texts: readonly string[], sealed: boolean): PackedPiece[] | undefined => {
  if (texts.length > MOST_PIECES) return undefined;
  const pieces: PackedPiece[] = [];
  for (const text of texts) {
    const piece = (sealed ? sealedPiece(text) : undefined) ?? packedPiece(text);
    if (piece === undefined) return undefined;
    pieces.push(piece);
  }
  return pieces;
};

/** With their number before them, where it is not known. */
const writtenPieces = (pieces: readonly PackedPiece[], count?: number): Buffer => {
  if (count !== undefined) writer.varint(count);
  for (const { shape, bytes } of pieces) writer.varint(shape).bytes(bytes);
  return writer.take();
};

const NOTHING: PackedPiece = { shape: 0, bytes: Buffer.alloc(0) };

const packedPiece = (piece: string): PackedPiece | undefined => {
  for (const [number, { pattern, coding, escapes }] of FORMS.entries()) {
    const found = pattern.exec(piece);
    if (found === null) continue;
    const [, escaped = "", padding = ""] = found;
    const [plus, slash, pad] = escapes;
    const characters = escapes === PLAIN ? escaped : escaped.replaceAll(plus, "+").replaceAll(slash, "/");
    const pads = padding.length / pad.length;
    const shape = characters.length * 16 + number * 4 + pads;
    return { shape, bytes: packCharacters(characters, coding) };
  }
  return undefined;
};

/** Base64 of base64, as who seals a text and then signs it makes: undefined for what is none. */
const sealedPiece = (piece: string): PackedPiece | undefined => {
  for (const [number, form] of FORMS.entries()) {
    if (form.coding === "hex" || !form.pattern.test(piece)) continue;
    const [plus, slash, pad] = form.escapes;
    const coded = piece.replaceAll(plus, "+").replaceAll(slash, "/").replaceAll(pad, "=");
    const inner = Buffer.from(coded, form.coding).toString("latin1");
    if (outerOf(inner, form) !== piece) continue;
    const members = JSON_TEXT.exec(inner)
      ?.slice(1)
      .map((each) => (each === "" ? NOTHING : packedPiece(each)));
    if (members?.every((each) => each !== undefined))
      return { shape: shapeOf(INNER.json, number), bytes: writtenPieces(members) };
    const pieces = packedPieces(inner.split(SEPARATOR, MOST_PIECES + 1), false);
    if (pieces !== undefined)
      return { shape: shapeOf(INNER.packed, number), bytes: writtenPieces(pieces, pieces.length) };
  }
  return undefined;
};

const shapeOf = (inner: number, form: number): number => inner * 16 + form * 4 + SEALED;

const outerOf = (inner: string, { coding, escapes: [plus, slash, pad] }: PieceForm): string => {
  const text = Buffer.from(inner, "latin1").toString(coding);
  if (coding === "base64url") return text + pad.repeat((4 - (text.length % 4)) % 4);
  return text.replaceAll("+", plus).replaceAll("/", slash).replaceAll("=", pad);
};

/** Throws LinkError. */
export const readPackedText = (r: ByteReader): string => {
  const count = r.varint();
  return count === 0 ? readPackedRuns(r) : readPieces(r, count, true);
};

const readPieces = (r: ByteReader, count: number, maySeal: boolean): string => {
  if (count < 1 || count > MOST_PIECES) throw new LinkError("bad-frame", `a packed text of ${count} pieces`);
  return Array.from({ length: count }, () => readPiece(r, maySeal)).join(SEPARATOR);
};

const readPiece = (r: ByteReader, maySeal: boolean): string => {
  const shape = r.varint();
  const [length, number, pads] = [Math.floor(shape / 16), Math.floor((shape % 16) / 4), shape % 4];
  const form = FORMS[number] as PieceForm;
  const { coding, escapes } = form;
  if (pads === SEALED && maySeal && coding !== "hex") return readSealed(r, length, form);
  if (length > MOST_CHARACTERS || pads === SEALED)
    throw new LinkError("bad-frame", `a packed piece of ${length} characters and ${pads} pads`);
  const characters = readCharacters(r, length, coding);
  const [plus, slash, pad] = escapes;
  const text = escapes === PLAIN ? characters : characters.replaceAll("+", plus).replaceAll("/", slash);
  return text + pad.repeat(pads);
};

const readSealed = (r: ByteReader, inner: number, form: PieceForm): string => {
  if (inner !== INNER.packed && inner !== INNER.json)
    throw new LinkError("bad-frame", `a sealed piece of kind ${inner}`);
  const text =
    inner === INNER.packed
      ? readPieces(r, r.varint(), false)
      : jsonOf(Array.from({ length: 4 }, () => readPiece(r, false)));
  const outer = outerOf(text, form);
  if (outer.length > MOST_CHARACTERS)
    throw new LinkError("bad-frame", `a sealed piece of ${outer.length} characters`);
  return outer;
};
