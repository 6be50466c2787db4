/**
 * The value of a cookie in fewer bytes than its text: sessions that are sealed or signed are pieces of base64 or hexadecimal with
 * `--` between them. How many bytes it takes follows from the text alone. SPEC section "Changes".
 */
import { LinkError } from "../errors.ts";
import { type ByteReader, ByteWriter } from "../wire/bytes.ts";

interface PieceForm {
  readonly pattern: RegExp;
  /** Bits of a character. */
  readonly bits: number;
  readonly coding: "hex" | "base64" | "base64url";
  /** Stand for `+`, `/` and `=`. */
  readonly escapes: readonly [string, string, string];
}

const PLAIN = ["+", "/", "="] as const;
const ESCAPED = ["%2B", "%2F", "%3D"] as const;

/** By their number; the first that a piece fits is its form. */
const FORMS: readonly PieceForm[] = [
  { pattern: /^([0-9a-f]+)(){0}$/, bits: 4, coding: "hex", escapes: PLAIN },
  { pattern: /^([A-Za-z0-9+/]+)(={0,2})$/, bits: 6, coding: "base64", escapes: PLAIN },
  { pattern: /^((?:[A-Za-z0-9]|%2B|%2F)+)((?:%3D){0,2})$/, bits: 6, coding: "base64", escapes: ESCAPED },
  { pattern: /^([A-Za-z0-9_-]+)(={0,2})$/, bits: 6, coding: "base64url", escapes: PLAIN },
];

const SEPARATOR = "--";
/** @internal */
export const MOST_PIECES = 8;
/** @internal */
export const MOST_CHARACTERS = 2048;
const MOST_PADS = 3;

/** Used and emptied within one call. */
const writer = new ByteWriter();

/** Undefined for what is no such text. */
export const packedText = (text: string): Buffer | undefined => {
  const pieces = text.split(SEPARATOR, MOST_PIECES + 1);
  if (pieces.length > MOST_PIECES || text.length > MOST_CHARACTERS) return undefined;
  const packed = pieces.map(packedPiece);
  if (packed.includes(undefined)) return undefined;
  writer.varint(pieces.length);
  for (const piece of packed) if (piece !== undefined) writer.varint(piece.shape).bytes(piece.bytes);
  return writer.take();
};

const packedPiece = (piece: string): { readonly shape: number; readonly bytes: Buffer } | undefined => {
  for (const [number, { pattern, bits, coding, escapes }] of FORMS.entries()) {
    const found = pattern.exec(piece);
    if (found === null) continue;
    const [, escaped = "", padding = ""] = found;
    const [plus, slash, pad] = escapes;
    const characters = escapes === PLAIN ? escaped : escaped.replaceAll(plus, "+").replaceAll(slash, "/");
    const pads = padding.length / pad.length;
    const bytes = Buffer.from(filled(characters, coding), coding);
    const shape = characters.length * 16 + number * 4 + pads;
    return { shape, bytes: bytes.subarray(0, packedBytes(characters.length, bits)) };
  }
  return undefined;
};

/** To whole groups, with the character of zero bits. */
const filled = (characters: string, coding: PieceForm["coding"]): string =>
  characters.padEnd(Math.ceil(characters.length / 4) * 4, coding === "hex" ? "0" : "A");

const packedBytes = (characters: number, bits: number): number => Math.ceil((characters * bits) / 8);

/** Throws LinkError. */
export const readPackedText = (r: ByteReader): string => {
  const count = r.varint();
  if (count < 1 || count > MOST_PIECES) throw new LinkError("bad-frame", `a packed text of ${count} pieces`);
  return Array.from({ length: count }, () => readPiece(r)).join(SEPARATOR);
};

const readPiece = (r: ByteReader): string => {
  const shape = r.varint();
  const [length, number, pads] = [Math.floor(shape / 16), Math.floor((shape % 16) / 4), shape % 4];
  const { bits, coding, escapes } = FORMS[number] as PieceForm;
  if (length > MOST_CHARACTERS || pads === MOST_PADS)
    throw new LinkError("bad-frame", `a packed piece of ${length} characters and ${pads} pads`);
  const characters = r.bytes(packedBytes(length, bits)).toString(coding).slice(0, length);
  const [plus, slash, pad] = escapes;
  const text = escapes === PLAIN ? characters : characters.replaceAll("+", plus).replaceAll("/", slash);
  return text + pad.repeat(pads);
};
