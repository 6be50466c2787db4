/**
 * The digests that verify a body, each the first bytes of a SHA-256 as a latin1 string: of a result, of the bases of a streamed
 * delta, and of all plain bytes up to the end of a segment. SPEC section "Verification".
 */
import { createHash, type Hash } from "node:crypto";
import type { Fingerprint } from "../store/fingerprint.ts";
import { DIGEST_BYTES, RUNNING_DIGEST_BYTES } from "./frame.ts";

/** Verifies a body that is here as a whole. */
export const resultDigest = (fingerprint: Fingerprint): string => fingerprint.slice(0, DIGEST_BYTES);

/** Names the bases of a streamed delta, in the order of the dictionary. */
export const basesDigest = (bases: Iterable<{ readonly fingerprint: Fingerprint }>): string => {
  const hash = createHash("sha256");
  for (const { fingerprint } of bases) hash.update(fingerprint, "latin1");
  return hash.digest().toString("latin1", 0, DIGEST_BYTES);
};

/** Verifies a segment. `hash` is over all plain bytes of the body up to its end, and may go on. */
export const segmentDigest = (hash: Hash): string =>
  hash.copy().digest().toString("latin1", 0, RUNNING_DIGEST_BYTES);
