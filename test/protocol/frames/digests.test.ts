/** Wire formulas, against digests made elsewhere (sha256sum). SPEC section "Verification". */
import { createHash } from "node:crypto";
import { expect, it } from "vitest";
import { basesDigest, resultDigest, segmentDigest } from "../../../protocol/frames/digests.ts";
import { fingerprintOf } from "../../../protocol/store/fingerprint.ts";

const hex = (latin1: string): string => Buffer.from(latin1, "latin1").toString("hex");
const version = (body: string) => ({ fingerprint: fingerprintOf(Buffer.from(body)) });

it("a result's digest is 16 bytes of the body's SHA-256", () => {
  expect(hex(resultDigest(version("abc").fingerprint))).toBe("ba7816bf8f01cfea414140de5dae2223");
});

it("the digest of bases is 16 bytes of the SHA-256 of their fingerprints, in order", () => {
  // printf abc | sha256sum | xxd -r -p | sha256sum, and so on
  expect(hex(basesDigest([version("abc")]))).toBe("4f8b42c22dd3729b519ba6f68d2da7cc");
  expect(hex(basesDigest([]))).toBe("e3b0c44298fc1c149afbf4c8996fb924");
  expect(basesDigest([version("a"), version("b")])).not.toBe(basesDigest([version("b"), version("a")]));
});

it("a segment's proof is 8 bytes of the SHA-256 of all bytes so far, and the hash goes on", () => {
  const hash = createHash("sha256").update("a");
  expect(hex(segmentDigest(hash))).toBe("ca978112ca1bbdca");
  hash.update("bc");
  expect([hex(segmentDigest(hash)), hex(segmentDigest(hash))]).toEqual([
    "ba7816bf8f01cfea",
    "ba7816bf8f01cfea",
  ]);
});
