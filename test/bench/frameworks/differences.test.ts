/** bench/frameworks/differences.ts: what is wrong, and what differs by itself. */
import { describe, expect, it } from "vitest";
import { bodyVerdict, fieldDifferences, firstDifference } from "../../../bench/frameworks/differences.ts";
import type { VisitedPage } from "../../../bench/rig/visitor.ts";

const page = (body: string, rawHeaders: readonly string[] = [], status = 200): VisitedPage => ({
  status,
  headers: {},
  rawHeaders,
  body: Buffer.from(body),
});

describe("a body", () => {
  it.each([
    { name: "as asked straight", pages: ["a", "a", "a"], sent: "a", verdict: "same" },
    { name: "with another byte than was sent", pages: ["a", "a", "b"], sent: "a", verdict: "wrong" },
    { name: "with a token of its own", pages: ["1", "2", "3"], sent: "3", verdict: "by itself" },
    { name: "with somebody else's token", pages: ["1", "2", "1"], sent: "3", verdict: "wrong" },
    {
      name: "that is another through the pair",
      pages: ["a", "a", "b"],
      sent: "b",
      verdict: "sent otherwise",
    },
  ])("$name is: $verdict", ({ pages: [one = "", two = "", pair = ""], sent, verdict }) => {
    expect(bodyVerdict([page(one), page(two)], page(pair), Buffer.from(sent))).toBe(verdict);
  });

  it("of another status is sent otherwise", () => {
    const straight = [page("a"), page("a")] as const;
    expect(bodyVerdict(straight, page("a", [], 500), Buffer.from("a"))).toBe("sent otherwise");
  });

  it("is shown where it parts", () => {
    expect(firstDifference(Buffer.from("abc"), Buffer.from("abd"))).toContain("at byte 2 of 3 and 3");
  });
});

describe("fields", () => {
  const differing = (one: readonly string[], two: readonly string[], pair: readonly string[]) =>
    fieldDifferences(page("", one), page("", two), page("", pair));

  it("that were changed, added or left out are differences, whatever their case", () => {
    const straight = ["ETag", '"1"', "X-A", "1", "X-B", "1"];
    expect(differing(straight, straight, ["etag", 'W/"1"', "x-a", "1", "Vary", "Accept-Encoding"])).toEqual([
      { field: "etag", straight: '"1"', pair: 'W/"1"' },
      { field: "x-b", straight: "1", pair: undefined },
      { field: "vary", straight: undefined, pair: "Accept-Encoding" },
    ]);
  });

  it("that repeat count in order", () => {
    const straight = ["Link", "a", "Link", "b"];
    expect(differing(straight, straight, ["Link", "b", "Link", "a"])).toHaveLength(1);
  });

  it("that differ by themselves, belong to one hop, or say the time are none", () => {
    expect(
      differing(["X-Id", "1"], ["X-Id", "2"], ["X-Id", "3", "Connection", "close", "Date", "now"]),
    ).toEqual([]);
  });
});
