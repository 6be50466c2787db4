/** A page in content codings, kept so that it is compressed once. */

/** The page of a visit in content codings, as far as it is kept. */
export interface PageCopies {
  /** Whether the page was here before: then it may well be sent again. */
  readonly worthKeeping: boolean;
  findCopy(coding: string): Buffer | undefined;
  keepCopy(coding: string, copy: Buffer): void;
}
