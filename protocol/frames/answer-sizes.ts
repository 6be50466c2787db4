/**
 * What the size of an answer may tell, as an extension of the open frame asks for it, and the padding that hides it, in an extension
 * of the answer or of its end. SPEC section "What sizes tell".
 */
import { LinkError } from "../errors.ts";
import { ByteReader, ByteWriter } from "../wire/bytes.ts";
import { EXTENSION, type Extension, extensionOf } from "../wire/extensions.ts";

/**
 * `plain`: the body crosses as it is. `padded`: coded, and padded to steps; one that streams is coded only if `streams`, and padded
 * at its end.
 */
export type AnswerSizes = { readonly kind: "plain" } | PaddedSizes;

interface PaddedSizes {
  readonly kind: "padded";
  readonly step: number;
  readonly streams: boolean;
  /** Bit i set: of offer i others may have chosen the text, and what is made without a look at these is not padded; undefined: all is. */
  readonly others?: number | undefined;
}

/** Of answers that build on versions which others may have filled with text of their choice. */
export const SHARED_PADDING_STEP = 64;
/** Larger steps would be a way to have the link filled. */
const MOST_PADDING_STEP = 4096;

const writer = new ByteWriter();

export const answerSizesExtension = (sizes: AnswerSizes): Extension => {
  if (sizes.kind === "plain") writer.varint(0);
  else writer.varint(sizes.step).u8(sizes.streams ? 1 : 0);
  if (sizes.kind === "padded" && sizes.others !== undefined) writer.varint(sizes.others);
  return { tag: EXTENSION.answerSizes, bytes: writer.take() };
};

/** Undefined: nothing is asked. Throws LinkError for what no edge says. */
export const answerSizesOf = (extensions: readonly Extension[]): AnswerSizes | undefined => {
  const said = extensionOf(extensions, EXTENSION.answerSizes);
  if (said === undefined) return undefined;
  const r = new ByteReader(said);
  const step = r.varint();
  if (step > MOST_PADDING_STEP) throw new LinkError("bad-frame", `padding in steps of ${step} bytes`);
  if (step === 0) return { kind: "plain" };
  return { kind: "padded", step, streams: r.u8() === 1, others: r.left > 0 ? r.varint() : undefined };
};

/** The least that an extension takes: its tag and its length. */
export const LEAST_PADDING_BYTES = 2;

/** An extension that makes a frame longer by `bytes`: where its length, and that of all extensions, take a byte more, by one more. */
export const paddingExtension = (bytes: number): Extension => ({
  tag: EXTENSION.padding,
  bytes: Buffer.alloc(fillerBytes(bytes)),
});

const fillerBytes = (bytes: number): number => {
  if (bytes <= 127) return Math.max(bytes - 2, 0);
  return bytes <= 130 ? Math.max(bytes - 3, 126) : Math.max(bytes - 4, 128);
};
