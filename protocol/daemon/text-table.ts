/** Tables and figures as the commands print them. */

export interface Column {
  readonly title: string;
  /** Text left, numbers right. */
  readonly align: "left" | "right";
}

/** Rows of cells under titles, columns as wide as their widest cell; a row "-" draws a rule. No line ends in blanks. */
export function renderTable(columns: readonly Column[], rows: readonly (readonly string[] | "-")[]): string {
  const cells = rows.filter((row) => row !== "-");
  const widths = columns.map(({ title }, at) =>
    Math.max(title.length, ...cells.map((row) => (row[at] ?? "").length)),
  );
  const line = (row: readonly string[]) =>
    columns
      .map(({ align }, at) => {
        const [text, width] = [row[at] ?? "", widths[at] ?? 0];
        return align === "right" ? text.padStart(width) : text.padEnd(width);
      })
      .join("  ")
      .trimEnd();
  const rule = widths.map((width) => "─".repeat(width)).join("──");
  return [
    line(columns.map(({ title }) => title)),
    rule,
    ...rows.map((row) => (row === "-" ? rule : line(row))),
  ].join("\n");
}

/** 1234567 as "1,234,567". */
export const wholeNumber = (value: number): string =>
  String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, ",");

/** "1 host", "2,000 hosts". */
export const counted = (number: number, what: string, several = `${what}s`): string =>
  `${wholeNumber(number)} ${number === 1 ? what : several}`;

/** "a", "a and b", "a, b and c". */
export const listed = (words: readonly string[]): string => new Intl.ListFormat("en-GB").format(words);

/** A share as a percentage with three significant digits at most: "18.6 %", "0.57 %". */
export function percent(share: number): string {
  const value = share * 100;
  return `${value >= 10 ? value.toFixed(1) : value.toFixed(2)} %`;
}

/** "612 B", "24.1 KiB", "1.24 MiB", "3.10 GiB": as settings are written, and status tells. */
export function bytesInWords(bytes: number): string {
  if (bytes < 2 ** 10) return `${Math.round(bytes)} B`;
  const [unit, log] = bytes < 2 ** 20 ? ["KiB", 10] : bytes < 2 ** 30 ? ["MiB", 20] : ["GiB", 30];
  const value = bytes / 2 ** log;
  return `${value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0)} ${unit}`;
}

/**
 * Lines as they are, but those longer than `width` are broken at blanks, and go on below where they began: behind
 * `label` characters. Each keeps what it has there, and a longer word has a line of its own.
 */
export const hanging = (text: string, label: number, width: number): string =>
  text
    .split("\n")
    .map((line) =>
      line.length <= width
        ? line
        : line.slice(0, label) +
          wrapped(line.slice(label), Math.max(1, width - label)).replaceAll("\n", `\n${" ".repeat(label)}`),
    )
    .join("\n");

/** Lines of at most `width` characters, broken at blanks; a longer word has a line of its own. */
export function wrapped(text: string, width = 80): string {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last === undefined || last.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines.join("\n");
}
