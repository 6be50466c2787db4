/** The mixing coder of assembly/mixer.ts, each with a memory of its own. */
import { compileMixer } from "./compile-mixer.ts";

interface Constant {
  readonly value: number;
}

/** What it exports. */
export interface Assembly {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number };
  readonly STEPS_AT: Constant;
  readonly TEXT_AT: Constant;
  readonly TAUGHT_AT: Constant;
  readonly CODED_AT: Constant;
  readonly CODED_MOST: Constant;
  beginText(at: number): void;
  findRuns(page: number, end: number, best: number, steps: number, added: number): number;
  begin(how: number, coded: number): void;
  sizeTables(slots: number, places: number): void;
  beginBytes(): void;
  number(kind: number, value: number): number;
  learntBit(kind: number, at: number, bit: number): number;
  index(from: number, to: number): void;
  learn(from: number, to: number, end: number): void;
  rehearse(from: number, to: number): void;
  beginStep(aligned: number): void;
  bytes(from: number, to: number): number;
  haveCome(bytes: number, isAll: number): void;
  unread(): number;
  written(): number;
  finish(): number;
  isAtEnd(): number;
}

/** As much of it as is used here: Node's types do not have it without those of browsers. */
declare const WebAssembly: {
  readonly Instance: new (module: object) => { readonly exports: unknown };
};

/** Compiled when first asked for. */
let compiled: object | undefined;

/** Throws where there is no WebAssembly, none with vectors, or no room for its memory. */
export const newAssembly = (): Assembly => {
  compiled ??= compileMixer();
  return new WebAssembly.Instance(compiled).exports as Assembly;
};
