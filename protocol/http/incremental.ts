/** Who says that a message is to go on as it comes: RFC 10036, and what nginx heeds instead. SPEC section "Buffered or streamed". */
import { listOf } from "./head.ts";
import type { HeaderList } from "./header-list.ts";

/** Whether a message asks for being forwarded before all of it is here. */
export const isIncremental = (fields: HeaderList): boolean =>
  /^\s*\?1\s*(?:;|$)/.test(listOf(fields, "incremental") ?? "");

/** The same of a response, by the field that web servers set against the buffers of nginx too. */
export const isUnbuffered = (fields: HeaderList): boolean =>
  isIncremental(fields) || /^\s*no\s*$/i.test(listOf(fields, "x-accel-buffering") ?? "");
