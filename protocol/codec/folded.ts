/**
 * Codecs on folded pages: a masked token whose secret the best base shows crosses the link as its mask alone, and the codec sees one
 * short text in its place, there and in that base. Both sides find the tokens of the base by the same rule. SPEC section
 * "Masked tokens".
 */
import { LinkError } from "../errors.ts";
import { ByteReader, ByteWriter } from "../wire/bytes.ts";
import { type Codec, type DecodeLimits, DeltaError, type EarlyDecoding } from "./codec.ts";
import { type MaskedToken, textOf, tokensOf, type Writing } from "./masked-tokens.ts";
import { asBuffer, behind, type Mixed } from "./splice.ts";

/** A larger base or page is left as it is. @internal */
export const MOST_FOLDED_BYTES = 512 * 1024;
/** Secrets of one base; further ones are left as they are. @internal */
export const MOST_SECRETS = 128;
/** More do not fit a page: none is shorter than 32 bytes. @internal */
export const MOST_TOKENS = MOST_FOLDED_BYTES / 32;
/** Begins what stands for a token; a page that has this byte is not folded. */
const LEAD = 0;
/** Behind it, as a varint: 4 times the number of a secret, and how the token is written. Of 1 byte for 32 secrets, else of 2. */
const WRITING_KINDS = 4;

/** A token and the number of its secret. */
interface Known {
  readonly number: number;
  readonly token: MaskedToken;
}

/** What a base tells: the first token of each secret, in their order. */
type Secrets = ReadonlyMap<string, Known>;

export interface Folded {
  /** The best base and the page, folded both. */
  readonly base: Buffer;
  readonly page: Buffer;
  /** What of the page's folded tokens the base does not tell. */
  readonly masks: Masks;
}

interface Masks {
  /** For each token in order: it has a mask of its own, and not that of the last token of its secret, on the page or else in the base. */
  readonly fresh: readonly boolean[];
  /** Of those that are fresh, one after another. */
  readonly bytes: Buffer;
}

const keyOf = ({ secret, mask }: MaskedToken): string => `${mask.length} ${secret.toString("latin1")}`;

/** By their secrets; undefined for a base without tokens. */
const secretsOf = (base: Buffer): Secrets | undefined => {
  if (base.length > MOST_FOLDED_BYTES) return undefined;
  const secrets = new Map<string, Known>();
  for (const token of tokensOf(base)) {
    if (secrets.size === MOST_SECRETS) break;
    const key = keyOf(token);
    if (!secrets.has(key)) secrets.set(key, { number: secrets.size, token });
  }
  return secrets.size === 0 ? undefined : secrets;
};

/** Looks for the tokens of a page that may be a base: `foldOn` knows where they are then. */
export const findSecrets = (page: Buffer): void => {
  if (page.length <= MOST_FOLDED_BYTES) tokensOf(page);
};

const foldedBase = (base: Buffer, secrets: Secrets): Buffer =>
  folded(
    base,
    tokensOf(base).flatMap((token) => {
      const known = secrets.get(keyOf(token));
      return known === undefined ? [] : [{ token, number: known.number }];
    }),
  );

const standIn = ({ number, token: { writing } }: Known): Buffer =>
  writer
    .u8(LEAD)
    .varint(WRITING_KINDS * number + writing)
    .take();

/** With its lead byte, the number of its secret and its writing in the place of each token. */
const folded = (page: Buffer, tokens: readonly Known[]): Buffer => {
  const pieces: Uint8Array[] = [];
  let at = 0;
  for (const known of tokens) {
    pieces.push(page.subarray(at, known.token.start), standIn(known));
    at = known.token.end;
  }
  pieces.push(page.subarray(at));
  return Buffer.concat(pieces);
};

/** Undefined where that gains nothing: no token of the page has a new mask over a secret of the base. */
export const foldOn = (base: Buffer, page: Buffer): Folded | undefined => {
  if (page.length > MOST_FOLDED_BYTES) return undefined;
  const secrets = secretsOf(base);
  if (secrets === undefined || page.includes(LEAD)) return undefined;
  const last = Array.from(secrets.values(), ({ token }) => token.mask);
  const tokens: Known[] = [];
  const fresh: boolean[] = [];
  const masks: Buffer[] = [];
  for (const token of tokensOf(page)) {
    const like = secrets.get(keyOf(token));
    if (like?.token.form !== token.form) continue;
    const { number } = like;
    const isFresh = last[number]?.equals(token.mask) === false;
    tokens.push({ token, number });
    fresh.push(isFresh);
    if (isFresh) masks.push(token.mask);
    last[number] = token.mask;
  }
  if (masks.length === 0) return undefined;
  return {
    base: foldedBase(base, secrets),
    page: folded(page, tokens),
    masks: { fresh, bytes: Buffer.concat(masks) },
  };
};

/** What stands for a token, and where it ends. Throws DeltaError where the text is cut in it. */
const readStandIn = (text: Buffer, lead: number) => {
  try {
    const reader = new ByteReader(text.subarray(lead + 1));
    const value = reader.varint();
    const writing = (value % WRITING_KINDS) as Writing;
    return { number: Math.floor(value / WRITING_KINDS), writing, end: text.length - reader.left };
  } catch (error) {
    if (error instanceof LinkError) throw new DeltaError("a token that is cut", { cause: error });
    throw error;
  }
};

/** The page with its tokens again. Throws DeltaError on what no page was folded to, or on more than `mostBytes`. */
const unfolded = (
  text: Buffer,
  { fresh, bytes: masks }: Masks,
  secrets: Secrets,
  mostBytes: number,
): Buffer => {
  const known = [...secrets.values()].map(({ token }) => ({ ...token }));
  const pieces: Buffer[] = [];
  let bytes = 0;
  const add = (piece: Buffer) => {
    bytes += piece.length;
    if (bytes > mostBytes) throw new DeltaError(`the page is larger than ${mostBytes} bytes`);
    pieces.push(piece);
  };
  let at = 0;
  let used = 0;
  let tokens = 0;
  for (let lead = text.indexOf(LEAD); lead !== -1; lead = text.indexOf(LEAD, at)) {
    const { number, writing, end } = readStandIn(text, lead);
    const token = known[number];
    const isFresh = fresh[tokens++];
    if (token === undefined || isFresh === undefined) throw new DeltaError("a token that is not told");
    if (isFresh) {
      const mask = masks.subarray(used, used + token.mask.length);
      if (mask.length < token.mask.length) throw new DeltaError("a token without its mask");
      token.mask = mask;
      used += mask.length;
    }
    add(text.subarray(at, lead));
    add(Buffer.from(textOf({ ...token, writing }), "latin1"));
    at = end;
  }
  add(text.subarray(at));
  if (used < masks.length || tokens < fresh.length) throw new DeltaError("masks are left over");
  return Buffer.concat(pieces);
};

/** Between a codec's number and that of the same on folded pages. */
const FOLDED_ID = 4;

/** Used and emptied within one call. */
const writer = new ByteWriter();

/** `coded`: the folded page. */
export const withMasks = <Coded extends Mixed>({ masks: { fresh, bytes } }: Folded, coded: Coded): Coded => {
  writer.varint(fresh.length);
  for (let at = 0; at < fresh.length; at += 8)
    writer.u8(fresh.slice(at, at + 8).reduce((bits, isFresh, bit) => bits | (isFresh ? 1 << bit : 0), 0));
  writer.varint(bytes.length).bytes(bytes);
  return behind(writer.take(), coded);
};

const readMasks = (delta: Buffer): { readonly masks: Masks; readonly coded: Buffer } => {
  try {
    const reader = new ByteReader(delta);
    const tokens = reader.varint();
    if (tokens > MOST_TOKENS) throw new DeltaError(`${tokens} tokens on one page`);
    const bits = reader.bytes(Math.ceil(tokens / 8));
    const fresh = Array.from({ length: tokens }, (_, at) => (((bits[at >> 3] ?? 0) >> (at & 7)) & 1) === 1);
    return { masks: { fresh, bytes: reader.bytes(reader.varint()) }, coded: reader.rest() };
  } catch (error) {
    if (error instanceof LinkError)
      throw new DeltaError("the delta is shorter than its masks", { cause: error });
    throw error;
  }
};

/** The bases that the folded page was coded on, and what makes the page of it. Throws DeltaError. */
const foldedBases = (bases: readonly Uint8Array[], { pageBytes, stillWanted }: DecodeLimits) => {
  const best = bases.at(-1);
  const secrets = best && secretsOf(asBuffer(best));
  if (secrets === undefined) throw new DeltaError("a folded page on a base without tokens");
  const limits = { pageBytes: Math.min(pageBytes, MOST_FOLDED_BYTES), stillWanted };
  return {
    folds: [...bases.slice(0, -1), foldedBase(asBuffer(best), secrets)],
    limits,
    unfolded: (text: Buffer, masks: Masks) => unfolded(text, masks, secrets, limits.pageBytes),
  };
};

/** Where all masks came with the first piece, and more. */
const early = (
  codec: Codec,
  bases: readonly Uint8Array[],
  first: Buffer,
  limits: DecodeLimits,
): EarlyDecoding | undefined => {
  if (codec.early === undefined) return undefined;
  try {
    const { masks, coded } = readMasks(first);
    const on = foldedBases(bases, limits);
    const decoding = codec.early(on.folds, coded, on.limits);
    let before = first.length - coded.length;
    return (
      decoding && {
        ...decoding,
        write(piece) {
          decoding.write(piece.subarray(before));
          before = 0;
        },
        end: async () => on.unfolded(await decoding.end(), masks),
      }
    );
  } catch (error) {
    if (error instanceof DeltaError) return undefined;
    throw error;
  }
};

/** The codec on pages that are folded on their best base. `encode` rejects with DeltaError where that gains nothing. */
export const foldedCodec = (codec: Codec): Codec => ({
  name: `folded ${codec.name}`,
  id: codec.id + FOLDED_ID,
  accepts: codec.accepts,
  fits: codec.fits,
  encode: async (bases, page) => {
    const best = bases.at(-1);
    const folded = best && foldOn(asBuffer(best), asBuffer(page));
    if (folded === undefined) throw new DeltaError("no token of the page has a secret of its best base");
    return withMasks(folded, await codec.encode([...bases.slice(0, -1), folded.base], folded.page));
  },
  decode: async (bases, delta, limits) => {
    const { masks, coded } = readMasks(asBuffer(delta));
    const on = foldedBases(bases, limits);
    return on.unfolded(await codec.decode(on.folds, coded, on.limits), masks);
  },
  early: (bases, first, limits) => early(codec, bases, asBuffer(first), limits),
  streaming: undefined,
});
