/**
 * What a codec does: a page as a delta on zero or more bases, and back. No bases means the page is compressed on its
 * own. Bases come in the order of the dictionary: best last. SPEC section "Codecs".
 */

/** Bounds a decoder keeps before it spends memory. */
export interface DecodeLimits {
  /** Most bytes that a decoded page may have. A streaming decoder asks again for each piece, so the bound may move. */
  readonly pageBytes: number;
  /** Asked now and then by a decoder that takes turns: throws what decoding is to reject with once nobody waits for the page any more. */
  readonly stillWanted?: (() => void) | undefined;
}

/**
 * A delta that cannot be decoded (damaged, larger than allowed, bytes left over), or cannot be made of what was given
 * (a base that the codec does not accept, sizes that do not fit). The whole page is the answer to either.
 */
export class DeltaError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "DeltaError";
  }
}

/**
 * Encodes a body piece by piece; what `flush` returned decodes to all that was written before it. Awaiting each call
 * before the next is the back-pressure. A piece must not change until its call has settled.
 */
export interface StreamEncoder {
  /** Takes a piece; returns coded bytes as they become available (possibly none). */
  write(piece: Uint8Array): Promise<Buffer>;
  /** Everything still held, so that a decoder has all that was written so far. */
  flush(): Promise<Buffer>;
  /** The end of the coded body. */
  end(): Promise<Buffer>;
  /** Frees the context; needed when the body is given up before `end`. Calls under way and later ones reject. */
  destroy(): void;
}

export interface StreamDecoder {
  /** Takes coded bytes, returns all that decodes from those received so far. Rejects with DeltaError. */
  write(piece: Uint8Array): Promise<Buffer>;
  /** After the last coded byte: what is left; rejects with DeltaError if the coded body is not complete. */
  end(): Promise<Buffer>;
  destroy(): void;
}

/** A page that is decoded while it comes, and is had as a whole. */
export interface EarlyDecoding {
  write(piece: Uint8Array): void;
  /** All of it has come. As `decode`. */
  end(): Promise<Buffer>;
  /** Nobody waits for it any more. */
  giveUp(): void;
}

export interface Codec {
  readonly name: string;
  /** Number on the wire, SPEC section "Codecs". */
  readonly id: number;
  /** Whether this codec would use `base` at all; one it refuses is left out of a dictionary, never an error. */
  accepts(base: Uint8Array): boolean;
  /** Whether bases and page are within what the codec can encode as a whole. */
  fits(basesBytes: number, pageBytes: number): boolean;
  /** Rejects with DeltaError where `accepts` or `fits` says no. Keeps and changes nothing it is given. */
  encode(bases: readonly Uint8Array[], page: Uint8Array): Promise<Buffer>;
  /** Rejects with DeltaError; resolves with the page, whose backing buffer is no larger than needed. */
  decode(bases: readonly Uint8Array[], delta: Uint8Array, limits: DecodeLimits): Promise<Buffer>;
  /**
   * Begins to `decode` what comes in pieces, of which the `first` is here, and is to be written too; undefined where
   * that gains nothing, or another page is decoded so: then it is for `decode` when all is here.
   */
  readonly early?: (
    bases: readonly Uint8Array[],
    first: Uint8Array,
    limits: DecodeLimits,
  ) => EarlyDecoding | undefined;
  /** Undefined where the codec has no streaming form. */
  readonly streaming:
    | {
        encoder(bases: readonly Uint8Array[]): StreamEncoder;
        decoder(bases: readonly Uint8Array[], limits: DecodeLimits): StreamDecoder;
      }
    | undefined;
}
