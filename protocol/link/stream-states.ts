/** What both halves of a stream may be at, and what may come next. SPEC section "Stream states". */
import type { StreamFrame } from "../frames/frame.ts";

export type State = "open" | "onlyReading" | "onlyWriting" | "closed";
export type StreamEvent = "endSent" | "endReceived" | "reset";

/** A missing cell is our bug, or the peer's protocol error. */
export const NEXT: Record<State, Partial<Record<StreamEvent, State>>> = {
  open: { endSent: "onlyReading", endReceived: "onlyWriting", reset: "closed" },
  onlyReading: { endReceived: "closed", reset: "closed" },
  onlyWriting: { endSent: "closed", reset: "closed" },
  closed: {},
};

/** What the peer's half is at, and what may come next of it; resume, which was asked for, may come in any of the last three. */
export type Phase = "head" | "body" | "trailers" | "ended";
export const THEN: Record<Phase, Partial<Record<StreamFrame["kind"], Phase>>> = {
  head: { open: "body", answer: "body" },
  body: { data: "body", segment: "body", trailers: "trailers", end: "ended" },
  trailers: { end: "ended" },
  ended: {},
};
