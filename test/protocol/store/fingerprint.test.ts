import { describe, expect, it } from "vitest";
import {
  fingerprintOf,
  printable,
  SHORT_FINGERPRINT_BYTES,
  shortOf,
} from "../../../protocol/store/fingerprint.ts";

describe("fingerprints", () => {
  // SHA-256 of "abc", FIPS 180-2 appendix B.1.
  const ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
  const fingerprint = fingerprintOf(Buffer.from("abc"));

  it("are the SHA-256 of the bytes, one character a byte", () => {
    expect(fingerprint).toHaveLength(32);
    expect(Buffer.from(fingerprint, "latin1").toString("hex")).toBe(ABC);
  });

  it("are of the bytes of a slice, not of what it was cut from", () => {
    expect(fingerprintOf(Buffer.from("xabcx").subarray(1, 4))).toBe(fingerprint);
  });

  it("have a short form, and one for people", () => {
    expect(shortOf(fingerprint)).toBe(fingerprint.slice(0, SHORT_FINGERPRINT_BYTES));
    expect(printable(fingerprint)).toBe("ba7816bf8f01cfea");
    expect(printable(shortOf(fingerprint))).toBe("ba7816bf8f01cfea");
  });
});
