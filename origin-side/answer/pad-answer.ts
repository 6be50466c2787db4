/**
 * The padding of an answer, where the edge asks for it: what its coded body takes on the link then is a multiple of a step, after
 * noise. SPEC section "What sizes tell".
 */
import {
  type AnswerSizes,
  LEAST_PADDING_BYTES,
  paddingExtension,
} from "../../protocol/frames/answer-sizes.ts";
import { SizePadding } from "../../protocol/http/size-padding.ts";
import { type Extension, NO_EXTENSIONS } from "../../protocol/wire/extensions.ts";
import type { IncomingExchange } from "../exchange/incoming-exchange.ts";
import type { UsableBase } from "./coding/choose-answer.ts";

/** One key for the whole run. */
const padding = new SizePadding();

/** Whether the size of an answer for which these were `looked` at must not be seen. */
export const isPadded = (
  sizes: AnswerSizes | undefined,
  looked: readonly UsableBase[],
): sizes is AnswerSizes & { readonly kind: "padded" } => {
  if (sizes?.kind !== "padded") return false;
  const { others } = sizes;
  return others === undefined || looked.some(({ offer }) => (others & (1 << offer)) !== 0);
};

/**
 * Of a body coded in so many bytes, for which `looked` were looked at, whether it builds on them or not. Who fills
 * bases with guesses must find another noise under each, and under wrong guesses as well as under right ones: so it
 * depends on the page, as `page` names it, and on all that was at hand to build on. An answer without coded bytes
 * (`same`) tells of the whole page only, and is not padded.
 */
export const padOf = (
  { sizes }: Pick<IncomingExchange, "sizes">,
  codedBytes: number,
  {
    page,
    offered,
    looked,
  }: {
    readonly page: string;
    readonly offered: readonly UsableBase[];
    readonly looked: readonly UsableBase[];
  },
): readonly Extension[] => {
  if (!isPadded(sizes, looked) || codedBytes === 0) return NO_EXTENSIONS;
  const of = [page, ...offered.map(({ version }) => version.fingerprint)].join(" ");
  const size = padding.sizeFor(codedBytes, { step: sizes.step, least: LEAST_PADDING_BYTES, of });
  return [paddingExtension(size - codedBytes)];
};
