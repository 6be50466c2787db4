/** A page is cut at delimiters and nowhere else, loses no byte, and what is no text is refused. */
import { describe, expect, it } from "vitest";
import { unitsOf } from "../../../../edge-side/bases/common/tokenize-page.ts";
import { inOneGo } from "../../../kit/slices.ts";

const cut = (text: string | Buffer): string[] | undefined => {
  const page = Buffer.from(text as string);
  const { result } = inOneGo(unitsOf(page, new Map()));
  if (result === undefined) return undefined;
  const { numbers, starts } = result;
  return Array.from(numbers, (_, at) => page.toString("utf8", starts[at], starts[at + 1]));
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
  ])("of %s", (_, text, units) => expect(cut(text)).toEqual(units));

  it.each([
    ["a zero byte", Buffer.from("a\0b")],
    ["an escape, as some character sets begin with", Buffer.from("\x1b$B<")],
    ["what is not UTF-8", Buffer.from([0x61, 0xff])],
    ["UTF-16", Buffer.from("<b>", "utf16le")],
  ])("there are none of %s", (_, page) => expect(cut(page)).toBeUndefined());

  it("are alike where their text is, also between pages", () => {
    const known = new Map<string, number>();
    const [a, b] = ["<b>x<b>y", "y<b>"].map(
      (text) => inOneGo(unitsOf(Buffer.from(text), known)).result?.numbers,
    );
    expect([[...(a ?? [])], [...(b ?? [])]]).toEqual([
      [0, 1, 2, 1, 3],
      [4, 1],
    ]);
  });

  it("come in slices, however they are made", () => {
    const many = inOneGo(unitsOf(Buffer.from("<".repeat(100_000)), new Map()));
    const long = inOneGo(unitsOf(Buffer.from(`${"x".repeat(99)}<`.repeat(10_000)), new Map()));
    expect(many.slices).toBeGreaterThan(90);
    expect(long.slices).toBeGreaterThan(9);
  });
});
