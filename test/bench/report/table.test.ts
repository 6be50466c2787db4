/** bench/report/table.ts: columns line up; a terminal is redrawn in place; anything else gets plain text without escapes. */
import { describe, expect, it } from "vitest";
import {
  liveArea,
  milliseconds,
  percent,
  progressBar,
  renderTable,
  type Terminal,
  wholeNumber,
} from "../../../bench/report/table.ts";

const recorder = (isTTY: boolean, columns = 80): Terminal & { readonly written: string[] } => {
  const written: string[] = [];
  return { isTTY, columns, written, write: (text) => written.push(text) };
};

describe("a table", () => {
  it("aligns text left and numbers right, and draws a rule where asked", () => {
    const table = renderTable(
      [
        { title: "page", align: "left" },
        { title: "bytes", align: "right" },
      ],
      [["front page", "7"], ["api", "123,456"], "-", ["all", "123,463"]],
    );
    expect(table.split("\n")).toEqual([
      "page          bytes",
      "───────────────────",
      "front page        7",
      "api         123,456",
      "───────────────────",
      "all         123,463",
    ]);
  });

  it("shows short rows without trailing blanks", () => {
    const columns = [
      { title: "a", align: "left" as const },
      { title: "b", align: "left" as const },
    ];
    expect(renderTable(columns, [["x"]]).split("\n")[2]).toBe("x");
  });
});

describe("numbers", () => {
  it.each([
    [0, "0"],
    [999, "999"],
    [1000, "1,000"],
    [1_234_567.6, "1,234,568"],
  ])("%d is written %s", (value, text) => expect(wholeNumber(value)).toBe(text));

  it.each([
    [0.186, "18.6 %"],
    [0.1, "10.0 %"],
    [0.0057, "0.57 %"],
  ])("the share %d is written %s", (share, text) => expect(percent(share)).toBe(text));

  it("shows a dash where nothing was measured, not a zero", () => {
    expect(milliseconds(undefined)).toBe("-");
    expect(milliseconds(0)).toBe("0.00");
  });
});

describe("a live area", () => {
  it("redraws in place on a terminal: up as many lines as it showed", () => {
    const terminal = recorder(true);
    const area = liveArea(terminal);
    area.draw("one\ntwo");
    area.draw("three");
    expect(terminal.written).toEqual(["\r\u001b[0Jone\ntwo\n", "\u001b[2A\r\u001b[0Jthree\n"]);
  });

  it("takes a terminal that says 0 columns for one of 80", () => {
    const terminal = recorder(true, 0);
    liveArea(terminal).draw("x".repeat(200));
    expect(terminal.written).toEqual([`\r\u001b[0J${"x".repeat(79)}\n`]);
  });

  it("cuts lines at the terminal's width, but not those that stay", () => {
    const terminal = recorder(true, 21);
    const area = liveArea(terminal);
    area.draw("x".repeat(50));
    area.finish("y".repeat(50));
    expect(terminal.written[0]).toBe(`\r\u001b[0J${"x".repeat(20)}\n`);
    expect(terminal.written[1]).toContain("y".repeat(50));
  });

  it("writes only its last state where there is no terminal, without escapes", () => {
    const file = recorder(false);
    const area = liveArea(file);
    area.draw("changing");
    area.finish("final");
    area.clear();
    expect(file.written).toEqual(["final\n"]);
  });
});

describe("a progress bar", () => {
  it("fills up on a terminal and is taken away at the end", () => {
    const terminal = recorder(true);
    const progress = progressBar(terminal, 4);
    progress.at(1, "front");
    progress.at(4, "front");
    progress.end();
    expect(terminal.written[0]).toContain("  25 %  front");
    expect(terminal.written[1]).toContain(`${"█".repeat(30)} 100 %`);
    expect(terminal.written[2]).toBe("\u001b[1A\r\u001b[0J");
  });

  it("is one plain line per step elsewhere", () => {
    const file = recorder(false);
    const progress = progressBar(file, 4);
    for (const [done, label] of [
      [0, "front"],
      [1, "front"],
      [2, "api"],
    ] as const)
      progress.at(done, label);
    progress.end();
    expect(file.written).toEqual(["0 of 4: front\n", "2 of 4: api\n"]);
  });
});
