// What an origin side says is not taken on trust: a length or a status in another notation ends the exchange, white space is trimmed.
import { describe, expect, it } from "vitest";
import { headForVisitor, sanitizeTrailers } from "../../../edge-side/http/sanitize-head.ts";

describe("a head from an origin side", () => {
  it.each(["0x2", "+2", "1e1", " 2", "2 ", "", "2, 2", "-2", "2.0"])(
    "with the length %j is refused",
    (length) => {
      expect(() => headForVisitor([":status", "200", "Content-Length", length], "final")).toThrow(
        expect.objectContaining({ code: "origin-failed" }),
      );
    },
  );

  it("with two lengths is refused, though they say the same", () => {
    const list = [":status", "200", "Content-Length", "2", "content-length", "2"];
    expect(() => headForVisitor(list, "final")).toThrow("Content-Length");
  });

  it.each(["0xc8", "2e2", "+200", " 200", "200.0", "20", "2000", "099", ""])(
    "with the status %j is refused",
    (status) => {
      expect(() => headForVisitor([":status", status], "final")).toThrow("without a status");
    },
  );

  it("has no white space around its values, nor have trailers", () => {
    const list = [":status", "200", "X", " a \t b\t", "Y", "\t"];
    expect(headForVisitor(list, "final").fields).toEqual(["X", "a \t b", "Y", ""]);
    expect(sanitizeTrailers(["X", " a\t"])).toEqual(["X", "a"]);
  });

  it.each(["a\0b", "a\rb", "a\nb", "a\x7fb"])("with the value %j is refused", (value) => {
    expect(() => headForVisitor([":status", "200", "X", value], "final")).toThrow("value of X");
  });
});
