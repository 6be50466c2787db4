/**
 * OPTIONS that says how many more servers may pass it on: each counts one down, and who gets it with none left answers in
 * place of the origin server. TRACE, the other method it means something to, is refused anyway. RFC 9110 section 7.6.2,
 * SPEC section "Visitors".
 */

import { listOf, type ResponseHead } from "../../protocol/http/head.ts";
import type { HeaderList } from "../../protocol/http/header-list.ts";
import { ALLOWED } from "../http/errors/error-page.ts";

interface Asked {
  readonly method: string;
  readonly fields: HeaderList;
}

/** Undefined where nothing is counted. */
const stepsLeft = ({ method, fields }: Asked): number | undefined => {
  const said = method === "OPTIONS" ? listOf(fields, "max-forwards")?.trim() : undefined;
  return said !== undefined && /^\d{1,9}$/.test(said) ? Number(said) : undefined;
};

/** Whether the edge is where this request was meant to end. */
export const mayGoNoFurther = (asked: Asked): boolean => stepsLeft(asked) === 0;

/** What the edge says of itself. */
export const OPTIONS_OF_THE_EDGE: ResponseHead = {
  status: 200,
  reason: "OK",
  fields: ["Allow", ALLOWED, "Content-Length", "0"],
};

/** The fields with one step fewer, where steps are counted. */
export const oneStepFurther = (method: string, fields: HeaderList): HeaderList => {
  const left = stepsLeft({ method, fields });
  if (left === undefined) return fields;
  return fields.map((value, i) =>
    i % 2 === 1 && fields[i - 1]?.toLowerCase() === "max-forwards" ? String(left - 1) : value,
  );
};
