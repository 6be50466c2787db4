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
    { name: "as asked straight", pages: ["<p>a</p>", "<p>a</p>", "<p>a</p>"], verdict: "same" },
    { name: "with another byte", pages: ["<p>a</p>", "<p>a</p>", "<p>b</p>"], verdict: "wrong" },
    { name: "with a token of its own", pages: ["<p>1<p>x", "<p>2<p>x", "<p>3<p>x"], verdict: "by itself" },
    { name: "with a token and another byte", pages: ["<p>1<p>x", "<p>2<p>x", "<p>3<p>y"], verdict: "wrong" },
  ])("$name is $verdict", ({ pages: [one = "", two = "", pair = ""], verdict }) => {
    expect(bodyVerdict(page(one), page(two), page(pair))).toBe(verdict);
  });

  it("of another status is wrong", () => {
    expect(bodyVerdict(page("a"), page("a"), page("a", [], 500))).toBe("wrong");
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
