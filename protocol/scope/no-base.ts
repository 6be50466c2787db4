/**
 * Why an answer was `whole`, or passed, in words of the access logs: a closed list, in the order in which docs/operations.md explains
 * it. None of it crosses the link: each side says what it knows.
 */
export type NoBase =
  // What the edge knows: nothing was remembered for this visitor, or nothing may be.
  | "first-visit"
  | "new-session"
  | "private"
  | "no-store"
  | "sets-cookie"
  | "posted"
  | "renewed"
  | "capability"
  | "proxy-not-trusted"
  | "connection-login"
  | "off"
  | "foreign"
  | "evicted"
  | "expired"
  | "other-origin-side"
  | "too-large"
  | "budget"
  | "mismatch"
  /** Some were offered, and the origin side says in its own record why none was used. */
  | "origin-side"
  // What only the origin side knows.
  | "not-held"
  | "no-gain"
  | "streamed"
  | "broken"
  // What the head says: there is nothing that a base could help.
  | "no-body"
  | "partial"
  | "not-compressible"
  | "event-stream"
  | "too-small";

/** Why a request was answered by no link at all: the host has none, or all of them are silent. */
export type WithoutLink = "no-link" | "link-silent";
