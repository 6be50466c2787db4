/**
 * The mixing coder of assembly/mixer.ts, and its memory: one for the process, for one page at a time, which nothing
 * waits in the middle of, and another while a page is done in turns. Each takes up to 5 MB of tables, as far as a page
 * needs them, and the text; what the known text has taught, 4.7 MB, is kept beside them. SPEC section "Mixed".
 */
import { type Assembly, newAssembly } from "./assembly.ts";

/** The kinds of numbers, each of which learns for itself. */
export const NUMBER = { steps: 0, add: 1, copy: 2, ahead: 3, behind: 4, place: 5 } as const;
export type NumberKind = (typeof NUMBER)[keyof typeof NUMBER];

/** `add` bytes of the page's own, then `copy` bytes from `from` on of the bases, one behind the other. The last step may copy none. */
export interface Step {
  readonly add: number;
  readonly copy: number;
  readonly from: number;
}

/** More is not looked for. */
export interface RunBounds {
  readonly steps: number;
  /** Of the page's own bytes, over all steps. */
  readonly addedBytes: number;
}

/** Where the bases end and the page begins, and where the best base does. */
export interface TextPlaces {
  readonly start: number;
  readonly best: number;
}

const HOW = { writing: 0, reading: 1 } as const;
const MEMORY_PAGE_BYTES = 65_536;
/** Behind the text these may be read, whatever they are: runs are looked for by so many bytes from a place on. */
const READ_BEYOND_BYTES = 16;
/** Of the size of a table, in bits; smaller ones are not made. */
const LEAST_BITS = 8;
/** Tables have room for 2 to this power times as many as are put in: slots of what was learnt, and places of the text. */
const SLOT_BITS_MORE = 3;
const PLACE_BITS_MORE = 1;
/** The coder takes it for as many as there are at most. */
const MOST_BITS = 31;

/**
 * Of what is read, that a number takes at most: 26 bits of each kind, none of which takes more than four bytes. A
 * learnt bit is no more than that either.
 */
export const NUMBER_CODED_BYTES = 4 * 2 * 26;
/** That are read ahead. */
const AHEAD_BYTES = 4;

/** So many pages are done in turns at once: of an edge one that is here, and one that comes. */
const OTHERS = 2;

const bitsOf = (count: number): number => 32 - Math.clz32(count);

export class Mixer {
  readonly #assembly: Assembly;
  readonly #textAt: number;
  readonly #taughtAt: number;
  readonly #codedAt: number;
  readonly #codedMost: number;
  #memory: Buffer;
  /** Of what is read. */
  #come = 0;
  #isAllHere = true;
  #isReading = false;

  private constructor() {
    this.#assembly = newAssembly();
    this.#textAt = this.#assembly.TEXT_AT.value;
    this.#taughtAt = this.#assembly.TAUGHT_AT.value;
    this.#codedAt = this.#assembly.CODED_AT.value;
    this.#codedMost = this.#assembly.CODED_MOST.value;
    this.#memory = Buffer.from(this.#assembly.memory.buffer);
  }

  static #only: Mixer | undefined;
  /** Made before anybody is told that it works, and not taken yet. */
  static readonly #others: Mixer[] = [];
  /** What the text that both sides know has taught. */
  static #taught: Buffer | undefined;
  static #works: boolean | undefined;

  /**
   * False where there is no WebAssembly, or none with vectors: V8 wants SSE4.1 for them on x64, which the plainest
   * processors of virtual machines do not have; and where there is no room for all that a side needs at once: V8 takes
   * 10 GB of addresses for each memory, of which a process may be allowed fewer (`ulimit -v`).
   */
  static get works(): boolean {
    Mixer.#works ??= Mixer.#isMade();
    return Mixer.#works;
  }

  static #isMade(): boolean {
    try {
      Mixer.get();
      while (Mixer.#others.length < OTHERS) Mixer.#others.push(new Mixer());
      return true;
    } catch {
      return false;
    }
  }

  /** Made when first asked for. Throws where it does not work. */
  static get(): Mixer {
    Mixer.#only ??= new Mixer();
    return Mixer.#only;
  }

  /** One more, with a memory of its own: for what is not done at once. */
  static another(): Mixer {
    return Mixer.#others.pop() ?? new Mixer();
  }

  /** Room for the bases, one behind the other, and the page. Another call may move it: what was put in stays, this view of it does not. */
  textOf(bytes: number): Buffer {
    const { memory } = this.#assembly;
    const missing = this.#textAt + bytes + READ_BEYOND_BYTES - memory.buffer.byteLength;
    if (missing > 0) {
      memory.grow(Math.ceil(missing / MEMORY_PAGE_BYTES));
      this.#memory = Buffer.from(memory.buffer);
    }
    return this.#memory.subarray(this.#textAt, this.#textAt + bytes);
  }

  /**
   * From so many bytes on of what was put in: what stands before is as good as not there, and places count from here.
   * The last eight bytes of it are lost.
   */
  beginText(at: number): void {
    this.#assembly.beginText(at);
  }

  /** The long runs that the page, which ends the text, shares with its bases; undefined beyond the bounds. */
  runs(
    bytes: number,
    { start, best }: TextPlaces,
    { steps: most, addedBytes }: RunBounds,
  ): readonly Step[] | undefined {
    const count = this.#assembly.findRuns(start, bytes, best, most, addedBytes);
    if (count < 0) return undefined;
    const numbers = new Int32Array(this.#assembly.memory.buffer, this.#assembly.STEPS_AT.value, 3 * count);
    return Array.from({ length: count }, (_, step) => ({
      add: numbers[3 * step] as number,
      copy: numbers[3 * step + 1] as number,
      from: numbers[3 * step + 2] as number,
    }));
  }

  beginWriting(): void {
    this.#assembly.begin(HOW.writing, 0);
  }

  /** Begins to read what is here; false for more than is ever written. */
  beginReading(coded: Uint8Array): boolean {
    this.expectMore();
    if (!this.more(coded)) return false;
    this.allIsHere();
    this.beginExpected();
    return true;
  }

  /** What is read next comes by and by. */
  expectMore(): void {
    this.#come = 0;
    this.#isAllHere = false;
    this.#isReading = false;
  }

  /** False for more than is ever written. */
  more(coded: Uint8Array): boolean {
    if (this.#come + coded.length >= this.#codedMost) return false;
    this.#memory.set(coded, this.#codedAt + this.#come);
    this.#come += coded.length;
    if (this.#isReading) this.#tellCome();
    return true;
  }

  allIsHere(): void {
    this.#isAllHere = true;
    if (this.#isReading) this.#tellCome();
  }

  get isAllHere(): boolean {
    return this.#isAllHere;
  }

  /** Whether so many bytes of what is read might be needed, and others are still to come. */
  lacks(bytes: number = AHEAD_BYTES): boolean {
    return !this.#isAllHere && (this.#isReading ? this.#assembly.unread() : this.#come) < bytes;
  }

  /** Begins to read what is expected, which may not lack its first bytes. */
  beginExpected(): void {
    this.#isReading = true;
    this.#assembly.begin(HOW.reading, this.#come);
    this.#tellCome();
  }

  #tellCome(): void {
    this.#assembly.haveCome(this.#come, this.#isAllHere ? 1 : 0);
  }

  /** Writes a number up to 2^26 - 2, or reads it, whatever `value` is; -1: what is read is larger. */
  number(kind: NumberKind, value: number): number {
    return this.#assembly.number(kind, value);
  }

  /** Writes a bit, or reads it, whatever `bit` is. `at`: 0 to 255, bits of one place are alike. */
  bit(kind: NumberKind, at: number, bit: number): number {
    return this.#assembly.learntBit(kind, at, bit);
  }

  /** Before any byte of the text. `learnt`, `indexed`: how many there will be; tables follow. */
  beginBytes({ learnt, indexed }: { readonly learnt: number; readonly indexed: number }): void {
    const least = (bits: number) => Math.max(LEAST_BITS, bits);
    this.#assembly.sizeTables(
      least(bitsOf(learnt) + SLOT_BITS_MORE),
      least(bitsOf(indexed) + PLACE_BITS_MORE),
    );
    this.#assembly.beginBytes();
  }

  /**
   * As `beginBytes`, for as many as there may be, when the first `known` bytes of the text, which are always the same,
   * have been indexed and learnt: that takes some milliseconds, once.
   */
  beginKnown(known: number): void {
    this.#assembly.sizeTables(MOST_BITS, MOST_BITS);
    if (Mixer.#taught !== undefined) {
      this.#memory.set(Mixer.#taught, this.#taughtAt);
      return;
    }
    this.#assembly.beginBytes();
    this.#assembly.rehearse(0, known);
    Mixer.#taught = Buffer.from(this.#memory.subarray(this.#taughtAt, this.#codedAt));
  }

  /** What stands between two places of the text may come again. */
  index(from: number, to: number): void {
    this.#assembly.index(from, to);
  }

  /** Learns what both sides have. `end`: of the bases. */
  learn(from: number, to: number, end: number): void {
    this.#assembly.learn(from, to, end);
  }

  /** Before the bytes that a step adds. `aligned`: where the bases would go on as it does; -1: nowhere. */
  beginStep(aligned: number): void {
    this.#assembly.beginStep(aligned);
  }

  /** Writes the text between two places, or reads it, as far as what is read has come. Returns where it stopped. */
  bytes(from: number, to: number): number {
    return this.#assembly.bytes(from, to);
  }

  /** What is written behind so many bytes, in a buffer of its own, but for zeros at its end, which may be left off. */
  writtenAfter(bytes: number): Buffer {
    let end = this.#codedAt + this.#assembly.written();
    const from = this.#codedAt + bytes;
    while (end > from && this.#memory[end - 1] === 0) end--;
    return Buffer.from(this.#memory.subarray(from, end));
  }

  /** What was written, in a buffer of its own; undefined where it is more than there is room for. */
  finish(): Buffer | undefined {
    const bytes = this.#assembly.finish();
    return bytes < this.#codedMost
      ? Buffer.from(this.#memory.subarray(this.#codedAt, this.#codedAt + bytes))
      : undefined;
  }

  /** Whether all that is read was looked at. */
  get isAtEnd(): boolean {
    return this.#assembly.isAtEnd() !== 0;
  }
}
