import { describe, expect, it } from "vitest";
import { Evidence, MOST_MARKS_KEPT } from "../../../protocol/scope/public-evidence.ts";

const mark = (number: number): string => `mark${number}`.padEnd(8, ".");
const identities = (...sessions: number[][]): number => {
  const evidence = new Evidence();
  for (const session of sessions) evidence.add(session.map(mark));
  return evidence.identities;
};

describe("Evidence", () => {
  it.each([
    ["counts sessions with nothing in common", [[1], [2], [3]], 3],
    ["counts a session once", [[1], [1], [1]], 1],
    [
      "takes sessions with a mark in common for one person",
      [
        [1, 10],
        [1, 11],
        [1, 12],
      ],
      1,
    ],
    [
      "follows a person through a chain of marks",
      [
        [1, 2],
        [2, 3],
        [3, 4],
      ],
      1,
    ],
    ["joins two people that a third session shows to be one", [[1], [2], [1, 2]], 1],
    ["joins only those", [[1], [2], [3], [1, 2]], 2],
    ["does not count a session without marks", [[1], [], []], 1],
  ])("%s", (_, sessions, expected) => expect(identities(...sessions)).toBe(expected));

  it("does not take the end of one mark and the start of the next for a third", () => {
    const evidence = new Evidence();
    evidence.add(["aaaabbbb", "ccccdddd"]);
    evidence.add(["bbbbcccc"]);
    expect(evidence.identities).toBe(2);
  });

  it("keeps a bounded number of marks per person, the first ones", () => {
    const evidence = new Evidence();
    for (let number = 0; number < 10 * MOST_MARKS_KEPT; number++) evidence.add([mark(0), mark(number)]);
    expect(evidence.identities).toBe(1);
    expect(evidence.bytes).toBe(MOST_MARKS_KEPT * 8);
  });
});
