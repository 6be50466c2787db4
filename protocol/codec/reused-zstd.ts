/**
 * Coders of node:zlib for zstd that serve one whole input after the other. Its sync function makes a coder for each call, whose memory (a
 * megabyte) is asked for, cleared and left to the collector: that takes longer than 11 KB take to compress, and the collector counts it.
 * This works on what node's own streams are made of (`_handle`, `_writeState`, as node:zlib's sync functions do); where a Node has no such
 * thing, the caller takes the sync function. Not for gzip: deflate compares what stands behind the end of its input, which is an earlier
 * input in a coder that stays, so the size of one visitor's page would tell of another's.
 */
import type { Transform } from "node:stream";
import { constants } from "node:zlib";

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
  readonly _handle?: { readonly writeSync?: WriteSync } | null;
  readonly _writeState?: Uint32Array;
}

/** Output goes here first, of all coders, and is copied within the same call. */
let room = Buffer.alloc(0);
/** What bytes that do not compress become longer by: 1/256 and 64 bytes. */
const roomFor = (bytes: number): number => bytes + (bytes >> 8) + 64;

/**
 * Codes a whole input at a level; undefined where a Node has no such coders, or for one that fails. `mostBytes`: of one input. All of it
 * goes in at once, so zstd knows its length and says it.
 */
export const reusedZstd = (
  make: (level: number) => Transform,
  mostBytes: number,
): ((input: Uint8Array, level: number) => Buffer | undefined) => {
  const byLevel = new Map<number, Insides>();
  const made = (level: number): Insides => {
    // A failure shows in what it does; an error event that nobody hears would end the program.
    const coder: Insides = make(level).on("error", () => {}) as Insides;
    byLevel.set(level, coder);
    return coder;
  };
  return (input, level) => {
    if (input.length > mostBytes) return undefined;
    if (room.length < roomFor(input.length)) room = Buffer.allocUnsafeSlow(roomFor(mostBytes));
    const bytes = codeInto(byLevel.get(level) ?? made(level), input, room);
    if (bytes !== undefined) return Buffer.from(room.subarray(0, bytes));
    byLevel.delete(level);
    return undefined;
  };
};

/**
 * Undoes whole inputs, each of one frame; undefined where a Node has no such coders, for more than `mostBytes`, or for
 * what does not come to `bytes` bytes exactly.
 */
export const reusedUnzstd = (
  make: () => Transform,
  mostBytes: number,
): ((input: Uint8Array, bytes: number) => Uint8Array<ArrayBuffer> | undefined) => {
  let coder: Insides | undefined;
  return (input, bytes) => {
    if (bytes > mostBytes) return undefined;
    if (room.length < roomFor(bytes)) room = Buffer.allocUnsafeSlow(roomFor(mostBytes));
    coder ??= make().on("error", () => {}) as Insides;
    if (codeInto(coder, input, room) === bytes) return new Uint8Array(room.subarray(0, bytes));
    coder = undefined;
    return undefined;
  };
};

/** How many bytes `output` has now; undefined where it fails, or was too short. */
const codeInto = (coder: Insides, input: Uint8Array, output: Uint8Array): number | undefined => {
  const { _handle: handle, _writeState: state } = coder;
  if (typeof handle?.writeSync !== "function" || state === undefined) return undefined;
  state.fill(0); // one that fails leaves here what the input before left
  handle.writeSync(constants.ZSTD_e_end, input, 0, input.length, output, 0, output.length);
  const [roomLeft = 0, inputLeft = 0] = state;
  return inputLeft === 0 && roomLeft > 0 ? output.length - roomLeft : undefined;
};
