import { describe, expect, it } from "vitest";
import { FieldNames } from "../../../protocol/http/field-names.ts";

describe("FieldNames", () => {
  const names = new FieldNames(["host", "content-length"]);

  it("has its names in any case", () => {
    for (const name of ["host", "Host", "HOST", "Content-Length", "content-length"])
      expect(names.has(name)).toBe(true);
  });

  it("has no other, whether or not one of its own is as long", () => {
    for (const name of ["", "from", "hos", "hosts", "content-lengths", "content-length "])
      expect(names.has(name)).toBe(false);
  });

  it("tells names apart whose lengths differ by as many as there are bits", () => {
    const long = `host${"x".repeat(32)}`;
    expect(names.has(long)).toBe(false);
    expect(new FieldNames([long]).has(long.toUpperCase())).toBe(true);
    expect(new FieldNames([long]).has("host")).toBe(false);
  });

  it("has none where there are none", () => {
    expect(new FieldNames([]).has("")).toBe(false);
  });

  it("with more, has those too, and stays as it was", () => {
    const more = names.with(["via"]);
    expect([more.has("Via"), more.has("Host"), names.has("via")]).toEqual([true, true, false]);
  });
});
