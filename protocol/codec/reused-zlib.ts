/**
 * Coders of node:zlib that serve one whole input after the other. Its sync functions make a coder for each call, whose memory (zstd: a
 * megabyte) is asked for, cleared and left to the collector: that takes longer than 11 KB take to compress, and the collector counts it.
 * This works on what node's own streams are made of (`_handle`, `_writeState`, as node:zlib's sync functions do); where a Node has no such
 * thing, the caller takes the sync function.
 */
import type { Transform } from "node:stream";

/** Takes part of `input`, and tells in `_writeState` how many bytes of room and of input are left. */
type WriteSync = (
  flush: number,
  input: Uint8Array,
  inputAt: number,
  inputBytes: number,
  output: Uint8Array,
  outputAt: number,
  outputBytes: number,
) => void;

interface Insides {
  readonly _handle?: { readonly writeSync?: WriteSync; readonly reset?: () => void } | null;
  readonly _writeState?: Uint32Array;
}

export interface ReusedOptions {
  /** The flush that ends one output. */
  readonly end: number;
  /** It has to be told to begin again; zstd does so by itself. */
  readonly resets: boolean;
}

/** Output goes here first, of all coders, and is copied within the same call. */
let room = Buffer.alloc(0);
/** What bytes that do not compress become longer by, in any format: 1/256 and 64 bytes. */
const roomFor = (bytes: number): number => bytes + (bytes >> 8) + 64;

/**
 * Codes a whole input at a level; undefined where a Node has no such coders, or for one that fails. `mostBytes`: of one input. All of it
 * goes in at once, so zstd knows its length and says it.
 */
export const reusedCoder = (
  make: (level: number) => Transform,
  { end, resets }: ReusedOptions,
  mostBytes: number,
): ((input: Uint8Array, level: number) => Buffer | undefined) => {
  const byLevel = new Map<number, Insides>();
  const made = (level: number): Insides => {
    // Its failures show in what it does; an error event that nobody hears would end the program.
    const coder: Insides = make(level).on("error", () => byLevel.delete(level)) as Insides;
    byLevel.set(level, coder);
    return coder;
  };
  return (input, level) => {
    if (input.length > mostBytes) return undefined;
    if (room.length < roomFor(input.length)) room = Buffer.allocUnsafeSlow(roomFor(mostBytes));
    const { _handle: handle, _writeState: state } = byLevel.get(level) ?? made(level);
    if (typeof handle?.writeSync !== "function" || state === undefined) return undefined;
    if (resets) handle.reset?.();
    handle.writeSync(end, input, 0, input.length, room, 0, room.length);
    const [roomLeft = 0, inputLeft = 0] = state;
    if (inputLeft === 0 && roomLeft > 0) return Buffer.from(room.subarray(0, room.length - roomLeft));
    byLevel.delete(level);
    return undefined;
  };
};
