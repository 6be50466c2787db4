/**
 * What becomes of a failure at a web server: a StreamError for the visitor's side of the story, with the web server's address and
 * what was wrong for the log, and the first error as its cause. SPEC section "Errors".
 */
import { StreamError } from "../errors.ts";

/** A connection that had been used before closed before a byte of the answer: the request may go on another one. */
export class StaleConnection extends Error {}

/** No connection could be made: the web server has seen nothing of the request. */
export class UnreachableError extends StreamError {
  constructor(message: string, options?: ErrorOptions) {
    super("origin-failed", message, options);
  }
}

/** What the visitor sends of a body is not what its head says, or ends too early. */
export class RequestFault extends Error {}

/** The web server says that it has not begun to process the request, which may go there again, whatever it is. RFC 9113 section 8.7. */
export class RefusedRequest extends StaleConnection {}

interface Surroundings {
  /** The web server's address. */
  readonly server: string;
  /** Of the request: its reason is told as it is. */
  readonly signal: AbortSignal;
}

/** Before the head of a response. */
export const failureOf = (error: unknown, { server, signal }: Surroundings): unknown => {
  if (namesItsReason(error, signal) || error instanceof StaleConnection) return error;
  const cause = asError(error);
  const advice = "code" in cause && cause.code === "HPE_HEADER_OVERFLOW" ? "; raise limits.headBytes" : "";
  return new StreamError("origin-failed", `${server}: ${cause.message}${advice}`, { cause });
};

/** Within its body. */
export const truncationBy = (error: unknown, { server, signal }: Surroundings): unknown => {
  if (namesItsReason(error, signal)) return error;
  const cause = asError(error);
  return new StreamError("truncated", `the body ended too early: ${server}: ${cause.message}`, { cause });
};

const namesItsReason = (error: unknown, signal: AbortSignal): boolean =>
  error instanceof StreamError || (signal.aborted && error === signal.reason);

const asError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)));
