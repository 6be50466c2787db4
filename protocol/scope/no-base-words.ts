/** Why an answer was whole or passed, in half a sentence for people. What helps against each: docs/operations.md. */
import type { NoBase, WithoutLink } from "./no-base.ts";

const WORDS: Readonly<Record<NoBase | WithoutLink, string>> = {
  "first-visit": "nothing was known of the page, nor of its template",
  "new-session": "this session was sent nothing like it",
  private: "the site says private, and this visitor was sent nothing like it",
  "no-store": "the site says no-store, and this visitor was sent nothing like it",
  "sets-cookie": "the answer gives a cookie that may be a session",
  posted: "what was posted may be a credential, and this visitor was sent nothing like it",
  renewed: "the answer renews or takes away a cookie as a login or logout does",
  capability: "the address is itself a secret, and the page is personal",
  "proxy-not-trusted": "the page is personal, and all visitors have the address of a proxy",
  "connection-login": "the connection is the login (NTLM, Negotiate)",
  off: "bases: off",
  foreign: "another site may have made the browser ask",
  evicted: "the store was full",
  expired: "the base had not been used for too long",
  "other-origin-side": "only another origin side holds the base",
  "too-large": "larger than pages are remembered",
  budget: "there was no memory for it",
  mismatch: "the delta did not verify, and plain bytes came",
  "origin-side": "the origin side used no base; its own log says why",
  "not-held": "the origin side had forgotten the base",
  "no-gain": "a delta would not have been smaller",
  streamed: "the page comes in pieces",
  broken: "the answer broke off, or its coding is damaged",
  "no-body": "there is no body",
  partial: "a part of a file",
  "not-compressible": "an image, an archive, or the like: compressed already",
  "event-stream": "events, which go on as they come",
  "too-small": "too small to gain anything",
  "no-link": "no link took requests of the host, and its fallback was asked",
  "link-silent": "all links were silent, and the host's fallback was asked",
};

/** `reason` may come from a log of another version: unknown ones are given back as they are. */
export const inWords = (reason: string): string =>
  Object.hasOwn(WORDS, reason) ? WORDS[reason as keyof typeof WORDS] : reason;
