/**
 * The visitor's request as it goes on: fields of one hop dropped, and what an origin wants to know of the visitor added
 * (forwarded-headers). RFC 9110 sections 7.6 and 7.6.3.
 */
import { FieldNames } from "../../protocol/http/field-names.ts";
import { endToEnd, fieldOf, listOf, type RequestHead } from "../../protocol/http/head.ts";
import { expectsContinue, takesTrailers, type VisitorRequest } from "../exchange/visitor-request.ts";
import { forwardedFields, isAboutVisitors } from "./forwarded-headers.ts";
import { oneStepFurther } from "./max-forwards.ts";

/** Fields of Coilgun's own, which nobody outside may set. */
const OWN = /^(?:x-)?coilgun-/i;
const VIA = new FieldNames(["via"]);
const EXPECT = new FieldNames(["expect"]);
/** Who forwards, and what is known of who asked. */
export interface Hop {
  /** What Via calls this edge. */
  readonly pseudonym: string;
  /** What the visitor's peer says of others is believed. */
  readonly trusted: boolean;
}

/** What Via calls an edge (RFC 9110 section 7.6.3). `instance`: any token that no other edge has. */
export const pseudonymOf = (instance: string): string => `coilgun-${instance}`;

/** Whether the request has been at the edge of this pseudonym before: its route leads back here, and would without end. */
export const isLoop = ({ fields }: Pick<VisitorRequest, "fields">, pseudonym: string): boolean =>
  listOf(fields, "via")
    ?.split(",")
    .some((hop) => hop.trim().split(/\s+/)[1] === pseudonym) === true;

export const forwardHead = (request: VisitorRequest, { pseudonym, trusted }: Hop): RequestHead => {
  const { method, target, version, upgrade } = request;
  const continues = expectsContinue(request);
  const onward = oneStepFurther(method, endToEnd(request.fields));
  const fields: string[] = [];
  for (let i = 0; i + 1 < onward.length; i += 2) {
    const name = onward[i] as string;
    if (VIA.has(name) || (EXPECT.has(name) && !continues)) continue;
    if (!OWN.test(name) && !isAboutVisitors(name, trusted)) fields.push(name, onward[i + 1] as string);
  }
  fields.push(...forwardedFields(request, onward, trusted));
  const via = listOf(onward, "via");
  fields.push("Via", via === undefined ? `${version} ${pseudonym}` : `${via}, ${version} ${pseudonym}`);
  if (upgrade !== undefined) fields.push("Upgrade", upgrade);
  const announced = fieldOf(request.fields, "trailer");
  if (announced !== undefined) fields.push("Trailer", announced);
  // We take trailers, so what the visitor said about them holds for this hop too.
  if (takesTrailers(request)) fields.push("TE", "trailers");
  return { method, target, fields };
};
