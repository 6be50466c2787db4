/** A page is cut at delimiters and nowhere else, loses no byte, and what is no text is refused. */
import { describe, expect, it } from "vitest";
import { unitStarts } from "../../../protocol/codec/page-units.ts";

const cut = (text: string | Buffer): string[] | undefined => {
  const page = Buffer.from(text as string);
  const starts = unitStarts(page);
  return starts && Array.from(starts.subarray(1), (end, at) => page.toString("utf8", starts[at], end));
};

describe("units", () => {
  it.each([
    ["nothing", "", []],
    ["tags and texts", "<b>4111 1111</b>", ["<", "b>", "4111 1111<", "/b>"]],
    ["quoted strings", '{"a":12,"b":"x"}', ['{"', 'a"', ':12,"', 'b"', ':"', 'x"', "}"]],
    ["lines", "one\r\ntwo", ["one\r\n", "two"]],
    [
      "a link's parameters",
      "/a?x=1&amp;y=2&#038;z=3&#38;u",
      ["/a?", "x=1&amp;", "y=2&#038;", "z=3&#38;", "u"],
    ],
    ["entities of a text are within it", "12&nbsp;345 &eacute;&", ["12&nbsp;345 &eacute;&"]],
    ["what stands within values is no delimiter", "1,2;3-4.5'6=7/8 9:0", ["1,2;3-4.5'6=7/8 9:0"]],
    ["characters beyond ASCII", "Zoë<Zoë", ["Zoë<", "Zoë"]],
    ["pieces of a common base", "<b>\0x<\0end\0", ["<", "b>", "\0", "x<", "\0", "end", "\0"]],
  ])("of %s", (_, text, units) => expect(cut(text)).toEqual(units));

  it.each([
    ["a zero byte within a text", Buffer.from("a\0b")],
    ["an escape, as some character sets begin with", Buffer.from("\x1b$B<")],
    ["what is not UTF-8", Buffer.from([0x61, 0xff])],
    ["UTF-16, its low byte first", Buffer.from("<b>", "utf16le")],
    ["UTF-16, its high byte first", Buffer.from("<b>", "utf16le").swap16()],
  ])("there are none of %s", (_, page) => expect(cut(page)).toBeUndefined());
});
