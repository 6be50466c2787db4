/**
 * Whether the body of a visitor's request may travel compressed. By its type and size, and by who made the visitor send
 * it: the size of compressed text tells something of it, so what another site has a part in goes as it is. SPEC section
 * "Request bodies".
 */

import { MOST_ONE_PIECE_BYTES } from "../../protocol/frames/request-coding.ts";
import { fieldOf } from "../../protocol/http/head.ts";
import type { HeaderList } from "../../protocol/http/header-list.ts";

/** Shorter bodies gain next to nothing: a JSON of 250 bytes saves 26. @internal */
export const LEAST_CODED_BYTES = 256;
/** Forms hold tokens beside what was typed, and most are small: those go as they are. @internal */
export const LEAST_CODED_FORM_BYTES = 1024;

const FORM = /^application\/x-www-form-urlencoded\s*(?:;|$)/i;
/** With a file in it, it gains nothing; without, it is small, and its boundaries and heads compress well. */
const MULTIPART = /^multipart\/(?:form-data|mixed|related)\s*(?:;|$)/i;
const TEXT =
  /^(?:text\/[\w.+-]+|application\/(?:json|graphql|xml|x-ndjson|(?:[\w.-]+\+)(?:json|xml)))\s*(?:;|$)/i;

export interface RequestTraits {
  readonly fields: HeaderList;
  readonly hasBody: boolean;
  readonly upgrade: string | undefined;
  readonly authority: string;
}

export type MayCode =
  | { readonly kind: "never" }
  /** `streamed`: also piece by piece. `leastBytes`: shorter bodies go as they are. */
  | { readonly kind: "may"; readonly streamed: boolean; readonly leastBytes: number };

const NEVER: MayCode = { kind: "never" };

export const mayCodeRequest = (request: RequestTraits): MayCode => {
  const { fields } = request;
  if (!request.hasBody || request.upgrade !== undefined) return NEVER;
  const may = byType(fieldOf(fields, "content-type")?.trim() ?? "");
  if (may.kind === "never") return NEVER;
  const coding = fieldOf(fields, "content-encoding")?.trim().toLowerCase() ?? "identity";
  if (coding !== "identity" && coding !== "") return NEVER;
  const length = lengthOf(fields);
  if (length !== undefined && length < may.leastBytes) return NEVER;
  if (!may.streamed && length !== undefined && length > MOST_ONE_PIECE_BYTES) return NEVER;
  return isOwn(request) ? may : NEVER;
};

/** The body's length, where the head says it. */
export const lengthOf = (fields: HeaderList): number | undefined => {
  const length = fieldOf(fields, "content-length");
  return length === undefined ? undefined : Number(length);
};

const byType = (type: string): MayCode => {
  if (TEXT.test(type)) return { kind: "may", streamed: true, leastBytes: LEAST_CODED_BYTES };
  if (FORM.test(type)) return { kind: "may", streamed: true, leastBytes: LEAST_CODED_FORM_BYTES };
  if (MULTIPART.test(type)) return { kind: "may", streamed: false, leastBytes: LEAST_CODED_FORM_BYTES };
  return NEVER;
};

/** Made by a page of this very site, by the visitor's own hand, or by what is no browser: those say neither field. */
const isOwn = ({ fields, authority }: RequestTraits): boolean => {
  const site = fieldOf(fields, "sec-fetch-site")?.trim().toLowerCase();
  if (site !== undefined && site !== "same-origin" && site !== "none") return false;
  const origin = fieldOf(fields, "origin")?.trim();
  return origin === undefined || isSameOrigin(origin, authority);
};

const isSameOrigin = (origin: string, authority: string): boolean => {
  const scheme = /^https?:\/\//i.exec(origin)?.[0];
  if (scheme === undefined) return false;
  const [from, to] = [URL.parse(origin), URL.parse(scheme + authority)];
  return from !== null && to !== null && from.host === to.host;
};
