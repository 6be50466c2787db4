/**
 * Failures that a person can put right, as opposed to errors of ours: a Complaint's message is the whole story, without
 * a stack. And the short names by which Node tells one failure from another.
 */

/** What was asked cannot be done; the message says why and what to do. */
export class Complaint extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "Complaint";
  }
}

/** Node's error code, such as ECONNREFUSED, or the error's name where it has none. */
export const codeOf = (error: unknown): string => {
  if (!(error instanceof Error)) return "unknown";
  return "code" in error && typeof error.code === "string" ? error.code : error.name;
};
