/** The lines of a file that somebody else appends to, each read once; the last counts when it is whole. */
import { closeSync, openSync, readSync, statSync } from "node:fs";

const NEW_LINE = 0x0a;

export class GrowingFile {
  readonly #path: string;
  readonly #lines: string[] = [];
  #read = 0;
  /** Of a line whose end is still to come. */
  #rest = Buffer.alloc(0);

  constructor(path: string) {
    this.#path = path;
  }

  /** All there are by now; none while there is no file. */
  get lines(): readonly string[] {
    const size = statSync(this.#path, { throwIfNoEntry: false })?.size ?? 0;
    if (size > this.#read) this.#take(size - this.#read);
    return this.#lines;
  }

  #take(bytes: number): void {
    const piece = Buffer.alloc(bytes);
    const file = openSync(this.#path, "r");
    const count = readSync(file, piece, 0, bytes, this.#read);
    closeSync(file);
    this.#read += count;
    const known = Buffer.concat([this.#rest, piece.subarray(0, count)]);
    const end = known.lastIndexOf(NEW_LINE) + 1;
    if (end > 0) this.#lines.push(...known.toString("utf8", 0, end - 1).split("\n"));
    this.#rest = known.subarray(end);
  }
}
