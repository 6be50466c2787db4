/** What a call trace says: how many files a request enters, and how often it goes from one to another. */
import type { TracedFunction } from "./instrument.ts";

/** Where things are wired; nothing of it should run during a request. Before folders these were two files. */
const COMPOSITION_ROOT = /^(edge-side|origin-side)\/(run\/|daemon\.ts$)/;

export interface TraceFigures {
  /** Functions entered, each as often as it was. */
  readonly entries: number;
  /** Distinct files of these functions. */
  readonly files: number;
  /** Entries whose file is another than that of the entry before. */
  readonly moves: number;
  /** Entries into functions of the composition root. */
  readonly rootEntries: number;
  /** Each file that was entered, the one that was left most often first. */
  readonly perFile: readonly { readonly file: string; readonly entries: number; readonly movesOut: number }[];
  /** Moves from one file to another, the most frequent first. */
  readonly transitions: readonly { readonly from: string; readonly to: string; readonly count: number }[];
}

export const figuresOf = (trace: readonly TracedFunction[]): TraceFigures => {
  const perFile = new Map<string, { entries: number; movesOut: number }>();
  const transitions = new Map<string, { from: string; to: string; count: number }>();
  const fileRow = (file: string) => {
    const row = perFile.get(file) ?? { entries: 0, movesOut: 0 };
    perFile.set(file, row);
    return row;
  };
  let [moves, before] = [0, trace[0]?.file];
  for (const { file } of trace) {
    fileRow(file).entries += 1;
    if (before !== undefined && before !== file) {
      moves += 1;
      fileRow(before).movesOut += 1;
      const key = `${before} ${file}`;
      const transition = transitions.get(key) ?? { from: before, to: file, count: 0 };
      transitions.set(key, transition);
      transition.count += 1;
    }
    before = file;
  }
  return {
    entries: trace.length,
    files: perFile.size,
    moves,
    rootEntries: trace.filter(({ file }) => COMPOSITION_ROOT.test(file)).length,
    perFile: [...perFile]
      .map(([file, row]) => ({ file, ...row }))
      .sort((a, b) => b.movesOut - a.movesOut || b.entries - a.entries || (a.file < b.file ? -1 : 1)),
    transitions: [...transitions.values()].sort((a, b) => b.count - a.count),
  };
};

/** The sequence in runs of entries that stay in one file. */
export const runsOf = (
  trace: readonly TracedFunction[],
): { readonly file: string; readonly entered: readonly TracedFunction[] }[] => {
  const runs: { file: string; entered: TracedFunction[] }[] = [];
  for (const entry of trace) {
    const last = runs.at(-1);
    if (last?.file === entry.file) last.entered.push(entry);
    else runs.push({ file: entry.file, entered: [entry] });
  }
  return runs;
};
