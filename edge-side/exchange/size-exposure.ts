/**
 * Who may read what off the size of an answer. What compresses a secret together with text that somebody else chose tells by its
 * size whether the text repeats a part of the secret. So it matters whether another site may have made the visitor send the
 * request (Fetch Metadata), and with credentials that the browser adds by itself. SPEC section "What sizes tell".
 */
import { type AnswerSizes, SHARED_PADDING_STEP } from "../../protocol/frames/answer-sizes.ts";
import { FieldNames } from "../../protocol/http/field-names.ts";
import { fieldOf } from "../../protocol/http/head.ts";
import type { HeaderList } from "../../protocol/http/header-list.ts";

/**
 * - `none`: no secret of a visitor's is in it, as far as anybody can know.
 * - `own`: the visitor, or a page of the site, asked for it.
 * - `navigation`: another site may have led the visitor here, who sees that: it is coded, and padded.
 * - `foreign`: another site may have asked for it, unseen and as often as it likes: it is not coded at all.
 */
export type SizeExposure = "none" | "own" | "navigation" | "foreign";

interface Asked {
  readonly method: string;
  readonly fields: HeaderList;
  /** As the request names its host, with its port. */
  readonly authority: string;
}

/** Of answers to requests that others may have chosen. */
const NAVIGATION_PADDING_STEP = 1024;

/** What the origin side is asked to do about the size of an answer. `ofOthers`: bit i is set for offer i that is not the session's own. */
export const sizesFor = (exposure: SizeExposure, ofOthers: () => number): AnswerSizes | undefined => {
  switch (exposure) {
    case "none":
      return undefined;
    case "own": {
      const others = ofOthers();
      return others > 0 ? { kind: "padded", step: SHARED_PADDING_STEP, streams: true, others } : undefined;
    }
    case "navigation":
      return { kind: "padded", step: NAVIGATION_PADDING_STEP, streams: false };
    case "foreign":
      return { kind: "plain" };
  }
};

/** `secret`: the request shows credentials that count. */
export const sizeExposureOf = (asked: Asked, secret: boolean): SizeExposure => {
  if (!secret) return "none";
  if (!isAmbient(asked.fields) || isOwn(asked)) return "own";
  return isNavigation(asked) ? "navigation" : "foreign";
};

const COOKIE = new FieldNames(["cookie"]);
/** Schemes that browsers answer by themselves once the visitor has logged in. */
const AMBIENT_SCHEMES = /^\s*(?:basic|digest|ntlm|negotiate)\b/i;

/** Whether there are credentials that a browser adds to requests of any site. */
const isAmbient = (fields: HeaderList): boolean =>
  fields.some((name, at) => at % 2 === 0 && COOKIE.has(name)) ||
  AMBIENT_SCHEMES.test(fieldOf(fields, "authorization") ?? "");

/** Without Fetch Metadata (plain HTTP, old browsers) a Referer or an Origin of this very host says as much: no other site can set it. */
const isOwn = ({ fields, authority }: Asked): boolean => {
  const site = fieldOf(fields, "sec-fetch-site")?.trim().toLowerCase();
  if (site !== undefined) return site === "same-origin" || site === "none";
  const from = fieldOf(fields, "origin") ?? fieldOf(fields, "referer");
  return from !== undefined && URL.parse(from)?.host === authority.toLowerCase().replace(DEFAULT_PORT, "");
};

const DEFAULT_PORT = /:(?:80|443)$/;

/** At the top of a window. One in a frame is seen by nobody. */
const isNavigation = ({ method, fields }: Asked): boolean => {
  const mode = fieldOf(fields, "sec-fetch-mode")?.trim().toLowerCase();
  const destination = fieldOf(fields, "sec-fetch-dest")?.trim().toLowerCase();
  if (mode !== undefined)
    return mode === "navigate" && (destination === undefined || destination === "document");
  return method === "GET" && /(?:^|[\s,])text\/html\b/i.test(fieldOf(fields, "accept") ?? "");
};
