import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { RetainedAnswer } from "../../../origin-side/answer/retained-answer.ts";

const BODY = Buffer.from("abcdefghij");
const inPieces = (...ends: readonly number[]): Buffer[] =>
  ends.map((end, i) => BODY.subarray(i === 0 ? 0 : (ends[i - 1] ?? 0), end));
const PIECES = inPieces(3, 4, 9, 10);

const sha = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

/** What `after` gives, as text, with its hash checked against the body before it. */
const rest = (retained: RetainedAnswer, offset: number): string | undefined => {
  const after = retained.after(offset);
  if (after === undefined) return undefined;
  expect(after.hash.digest("hex"), `hash before ${offset}`).toBe(sha(BODY.subarray(0, offset)));
  return Buffer.concat(after.pieces).toString();
};

describe("a retained answer", () => {
  it("gives what is after any offset, with the hash of what is before it", () => {
    const retained = new RetainedAnswer(PIECES);
    for (let offset = 0; offset <= BODY.length; offset++)
      expect(rest(retained, offset)).toBe(BODY.toString().slice(offset));
    expect(rest(retained, BODY.length + 1)).toBeUndefined();
  });

  it("lets go of whole pieces that are proved, and of no byte that is not", () => {
    for (let verified = 0; verified <= BODY.length; verified++) {
      const retained = new RetainedAnswer(PIECES);
      retained.releaseTo(verified);
      for (let offset = verified; offset <= BODY.length; offset++)
        expect(rest(retained, offset), `${offset}, proved to ${verified}`).toBe(
          BODY.toString().slice(offset),
        );
      const from = [0, 3, 4, 9, 10].filter((end) => end <= verified).at(-1) ?? 0;
      expect(retained.bytes).toBe(BODY.length - from);
      if (from > 0) expect(retained.after(from - 1)).toBeUndefined();
    }
  });

  it("grows by what it holds", () => {
    const retained = new RetainedAnswer(PIECES.slice(0, 2));
    retained.releaseTo(3);
    for (const piece of PIECES.slice(2)) retained.hold(piece);
    expect([retained.to, retained.bytes, rest(retained, 3)]).toEqual([10, 7, "defghij"]);
  });

  it("that was given up mends no mismatch, holds nothing more, and still counts the body", () => {
    const retained = new RetainedAnswer(PIECES.slice(0, 2));
    const released = [retained.release(), retained.release()];
    for (const piece of PIECES.slice(2)) retained.hold(piece);
    expect([retained.to, retained.bytes, released]).toEqual([10, 0, [true, false]]);
    expect(retained.after(10)).toBeUndefined();
  });

  it("of which nothing is ever retained has nothing to give up, and still counts the body", () => {
    const retained = new RetainedAnswer(undefined);
    for (const piece of PIECES) retained.hold(piece);
    expect([retained.to, retained.bytes, retained.release(), retained.after(10)]).toEqual([
      10,
      0,
      false,
      undefined,
    ]);
  });

  it("is proved past its end by an edge that counts wrong, and lets go of everything", () => {
    const retained = new RetainedAnswer(PIECES);
    retained.releaseTo(1e9);
    expect(retained.bytes).toBe(0);
    expect(rest(retained, 10)).toBe("");
  });
});
