/**
 * A version's name: the SHA-256 of its body. Kept as a latin1 string of 32 characters, one per byte: it is a map key
 * without conversion, compares by value, and takes 32 bytes. SPEC section "Fingerprints".
 */
import { hash } from "node:crypto";

/** SHA-256 of a body, 32 latin1 characters. */
export type Fingerprint = string & { readonly __brand: "Fingerprint" };

/** The first 8 bytes of a fingerprint, 8 latin1 characters. It nominates a version and never verifies one. */
export type ShortFingerprint = string & { readonly __brand: "ShortFingerprint" };

export const SHORT_FINGERPRINT_BYTES = 8;

export const fingerprintOf = (body: Uint8Array): Fingerprint => hash("sha256", body, "binary") as Fingerprint;

export const shortOf = (fingerprint: Fingerprint): ShortFingerprint =>
  fingerprint.slice(0, SHORT_FINGERPRINT_BYTES) as ShortFingerprint;

/** For logs and people: the short form in hexadecimal. */
export const printable = (fingerprint: Fingerprint | ShortFingerprint): string =>
  Buffer.from(fingerprint, "latin1").toString("hex", 0, SHORT_FINGERPRINT_BYTES);
