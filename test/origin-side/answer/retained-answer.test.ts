import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { PinnedAnswer } from "../../../origin-side/answer/retained-answer.ts";

const BODY = Buffer.from("abcdefghij");
const inPieces = (...ends: readonly number[]): Buffer[] =>
  ends.map((end, i) => BODY.subarray(i === 0 ? 0 : (ends[i - 1] ?? 0), end));
const PIECES = inPieces(3, 4, 9, 10);

const sha = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

/** What `after` gives, as text, with its hash checked against the body before it. */
const rest = (pinned: PinnedAnswer, offset: number): string | undefined => {
  const after = pinned.after(offset);
  if (after === undefined) return undefined;
  expect(after.hash.digest("hex"), `hash before ${offset}`).toBe(sha(BODY.subarray(0, offset)));
  return Buffer.concat(after.pieces).toString();
};

describe("a pinned answer", () => {
  it("gives what is after any offset, with the hash of what is before it", () => {
    const pinned = new PinnedAnswer(PIECES);
    for (let offset = 0; offset <= BODY.length; offset++)
      expect(rest(pinned, offset)).toBe(BODY.toString().slice(offset));
    expect(rest(pinned, BODY.length + 1)).toBeUndefined();
  });

  it("lets go of whole pieces that are proved, and of no byte that is not", () => {
    for (let proved = 0; proved <= BODY.length; proved++) {
      const pinned = new PinnedAnswer(PIECES);
      pinned.releaseTo(proved);
      for (let offset = proved; offset <= BODY.length; offset++)
        expect(rest(pinned, offset), `${offset}, proved to ${proved}`).toBe(BODY.toString().slice(offset));
      const from = [0, 3, 4, 9, 10].filter((end) => end <= proved).at(-1) ?? 0;
      expect(pinned.bytes).toBe(BODY.length - from);
      if (from > 0) expect(pinned.after(from - 1)).toBeUndefined();
    }
  });

  it("grows by what it holds", () => {
    const pinned = new PinnedAnswer(PIECES.slice(0, 2));
    pinned.releaseTo(3);
    for (const piece of PIECES.slice(2)) pinned.hold(piece);
    expect([pinned.to, pinned.bytes, rest(pinned, 3)]).toEqual([10, 7, "defghij"]);
  });

  it("that was given up answers no doubt, holds nothing more, and still counts the body", () => {
    const pinned = new PinnedAnswer(PIECES.slice(0, 2));
    const released = [pinned.release(), pinned.release()];
    for (const piece of PIECES.slice(2)) pinned.hold(piece);
    expect([pinned.to, pinned.bytes, released]).toEqual([10, 0, [true, false]]);
    expect(pinned.after(10)).toBeUndefined();
  });

  it("of which nothing is ever pinned has nothing to give up, and still counts the body", () => {
    const pinned = new PinnedAnswer(undefined);
    for (const piece of PIECES) pinned.hold(piece);
    expect([pinned.to, pinned.bytes, pinned.release(), pinned.after(10)]).toEqual([10, 0, false, undefined]);
  });

  it("is proved past its end by an edge that counts wrong, and lets go of everything", () => {
    const pinned = new PinnedAnswer(PIECES);
    pinned.releaseTo(1e9);
    expect(pinned.bytes).toBe(0);
    expect(rest(pinned, 10)).toBe("");
  });
});
