/**
 * The last news that a daemon heard, kept beside its file of versions: what others forgot while it was stopped, or cut off, is in that
 * file still. By the log's own numbers, as clocks of machines differ.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { PRIVATE_MODE } from "../../daemon/private-file.ts";

/** Before all entries. */
export const FIRST = "0-0";

export interface LastHeard {
  /** The entry's id; undefined: there is nothing from before that could be forgotten. */
  readonly id: string | undefined;
  /** What could not be kept is heard again. */
  keep(id: string): void;
}

/** To be called before the file of versions is made. */
export const lastHeardBeside = (versions: string): LastHeard => {
  const path = `${versions}-heard`;
  return {
    id: existsSync(versions) ? idIn(path) : undefined,
    keep(id) {
      try {
        writeFileSync(path, id, { mode: PRIVATE_MODE });
      } catch {}
    },
  };
};

const idIn = (path: string): string => {
  try {
    const text = readFileSync(path, "latin1");
    return /^\d+-\d+$/.test(text) ? text : FIRST;
  } catch {
    return FIRST;
  }
};
