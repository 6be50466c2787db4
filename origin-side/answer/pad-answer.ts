/**
 * The padding of an answer, where the edge asks for it: what its coded body takes on the link then is a multiple of a step, after
 * noise. SPEC section "What sizes tell".
 */
import { LEAST_PADDING_BYTES, paddingExtension } from "../../protocol/frames/answer-sizes.ts";
import { SizePadding } from "../../protocol/http/size-padding.ts";
import { type Extension, NO_EXTENSIONS } from "../../protocol/wire/extensions.ts";
import type { IncomingExchange } from "../exchange/incoming-exchange.ts";

/** One key for the whole run. */
const padding = new SizePadding();

/** Of a body coded in so many bytes; `of`: names the page. Nothing coded (`same`) tells of the whole page only. */
export const padOf = (
  { sizes }: Pick<IncomingExchange, "sizes">,
  codedBytes: number,
  of: string,
): readonly Extension[] => {
  if (sizes?.kind !== "padded" || codedBytes === 0) return NO_EXTENSIONS;
  const size = padding.sizeFor(codedBytes, { step: sizes.step, least: LEAST_PADDING_BYTES, of });
  return [paddingExtension(size - codedBytes)];
};
