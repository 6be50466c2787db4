/**
 * A progress bar and an area that is redrawn in place, for a terminal, beside the tables that daemons print too. Where the output is not one (a file, a
 * pipe, CI) nothing moves and no escape code is written: progress is a line per step, a live area only its last state.
 */

export { type Column, percent, renderTable, wholeNumber } from "../../protocol/daemon/text-table.ts";

/** Milliseconds as a table shows them; "-" where nothing was measured. */
export const milliseconds = (value: number | undefined): string =>
  value === undefined ? "-" : value.toFixed(2);

/** What a terminal area needs of a stream: process.stdout and process.stderr have it, a test's own list too. */
export interface Terminal {
  readonly isTTY?: boolean | undefined;
  /** Characters in a line; 0 where the terminal does not know. */
  readonly columns?: number | undefined;
  write(text: string): unknown;
}

export interface LiveArea {
  /** Shows `text` in place of what the area showed before; not on a terminal: nothing. */
  draw(text: string): void;
  /** Shows `text` for good. */
  finish(text: string): void;
  /** Takes away what is shown. */
  clear(): void;
}

const CLEAR_TO_END = "\u001b[0J";
const lineUp = (lines: number) => (lines > 0 ? `\u001b[${lines}A\r` : "\r");

/** What a terminal is taken for that does not say its width. */
const USUAL_COLUMNS = 80;

/** An area at the end of what `terminal` shows. Lines are cut at its width: a wrapped line could not be redrawn. */
export function liveArea(terminal: Terminal): LiveArea {
  let linesShown = 0;
  const show = (text: string, width: number) => {
    const lines = text.split("\n").map((line) => line.slice(0, width));
    terminal.write(`${lineUp(linesShown)}${CLEAR_TO_END}${lines.join("\n")}\n`);
    linesShown = lines.length;
  };
  return {
    draw(text) {
      if (terminal.isTTY) show(text, Math.max(20, (terminal.columns || USUAL_COLUMNS) - 1));
    },
    finish(text) {
      // The last state may wrap: it is not redrawn any more, and nothing of it should be missing.
      if (terminal.isTTY) show(text, Number.POSITIVE_INFINITY);
      else if (text !== "") terminal.write(`${text}\n`);
      linesShown = 0;
    },
    clear() {
      if (linesShown > 0) terminal.write(`${lineUp(linesShown)}${CLEAR_TO_END}`);
      linesShown = 0;
    },
  };
}

export interface Progress {
  /** `done` of the total, and what is being done. */
  at(done: number, label: string): void;
  /** Takes the bar away. */
  end(): void;
}

const BAR_CELLS = 30;

/** A bar on a terminal; elsewhere one line whenever the label changes. */
export function progressBar(terminal: Terminal, total: number): Progress {
  const area = liveArea(terminal);
  let lastLabel: string | undefined;
  return {
    at(done, label) {
      if (terminal.isTTY) {
        const share = total === 0 ? 1 : Math.min(1, done / total);
        const full = Math.round(share * BAR_CELLS);
        const bar = "█".repeat(full) + "░".repeat(BAR_CELLS - full);
        area.draw(`${bar} ${String(Math.floor(share * 100)).padStart(3)} %  ${label}`);
      } else if (label !== lastLabel) {
        lastLabel = label;
        terminal.write(`${done} of ${total}: ${label}\n`);
      }
    },
    end: area.clear,
  };
}
