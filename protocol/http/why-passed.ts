/** Which bodies pass as they are, as far as their heads say so: no base could help them. SPEC section "Answers". */
import { onceFor } from "../runtime/once-for.ts";
import type { NoBase } from "../scope/no-base.ts";
import { isCompressed, isCompressible, isEventStream } from "./compressible.ts";
import { fieldOf, isBodiless, type ResponseHead } from "./head.ts";
import { isCoded } from "./representation.ts";

/** Shorter bodies gain nothing over their digest. */
export const LEAST_CODED_BYTES = 64;

const PARTIAL = 206;

/** Undefined: it is worth a delta. */
export const whyPassed = (method: string, head: ResponseHead): NoBase | undefined =>
  method === "HEAD" ? "no-body" : whyBodyPasses(head);

const whyBodyPasses = onceFor(({ status, fields }: ResponseHead): NoBase | undefined => {
  if (isBodiless(status)) return "no-body";
  if (status === PARTIAL) return "partial";
  const type = fieldOf(fields, "content-type") ?? "";
  // Each event goes on by itself, as it comes.
  if (isEventStream(fields)) return "event-stream";
  if (isCoded(fields) || isCompressed(type)) return "not-compressible";
  const length = Number(fieldOf(fields, "content-length") ?? Number.POSITIVE_INFINITY);
  return length < LEAST_CODED_BYTES ? "too-small" : undefined;
});

/** Its type says nothing of how its bytes compress: the first of them may. */
export const isOfUnknownType = onceFor(
  ({ fields }: ResponseHead): boolean => !isCompressible(fieldOf(fields, "content-type") ?? ""),
);
