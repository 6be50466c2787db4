/**
 * xdelta3 compiled to WebAssembly: RFC 3284 deltas in one synchronous call. The only importer of xdelta3-wasm. Its
 * memory is 16 MiB for good and it does not check its own allocations, so callers bound what they pass. An instance that
 * threw may have leaked or spoiled its memory: it is dropped, and the next call loads a fresh one.
 */
import { createRequire } from "node:module";
import { dirname } from "node:path";
import { DeltaError } from "./codec.ts";

type Xdelta = typeof import("xdelta3-wasm");

/** The package passes its last argument on as xdelta's flags, whatever its type says; a level sits in bits 20 to 23. */
const LEVEL_FLAG = 6 << 20;
/** XD3_NOCOMPRESS: no search within the target itself. */
const NO_SELF_MATCH_FLAG = 1 << 13;
const SUCCESS = 0;

let loading: Promise<Xdelta> | undefined;

/** CommonJS, so that a spoiled instance can be loaded anew: an ES module cannot be. */
async function freshInstance(): Promise<Xdelta> {
  const require = createRequire(import.meta.url);
  const folder = dirname(require.resolve("xdelta3-wasm"));
  for (const file of Object.keys(require.cache)) if (file.startsWith(folder)) delete require.cache[file];
  const xdelta = require("xdelta3-wasm") as Xdelta;
  await xdelta.init();
  return xdelta;
}

async function call(
  run: (xdelta: Xdelta) => { ret: number; str: string; output: Uint8Array },
): Promise<Uint8Array> {
  loading ??= freshInstance();
  const mine = loading;
  try {
    const { ret, str, output } = run(await mine);
    if (ret === SUCCESS) return output;
    throw new DeltaError(`xdelta says ${str}`);
  } catch (cause) {
    if (cause instanceof DeltaError) throw cause;
    if (loading === mine) loading = undefined;
    throw new DeltaError("xdelta broke on this delta", { cause });
  }
}

/** The delta that makes `page` from `source`. Rejects with DeltaError, also when it would take more than `mostBytes`. */
export const xdeltaEncode = (source: Uint8Array, page: Uint8Array, mostBytes: number): Promise<Uint8Array> =>
  // Without a source the page is all literals, and what compresses the delta afterwards matches them better.
  call((xdelta) =>
    xdelta.xd3_encode_memory(page, source, mostBytes, source.length > 0 ? LEVEL_FLAG : NO_SELF_MATCH_FLAG),
  );

/** Rejects with DeltaError, also when the page would take more than `mostBytes`. */
export const xdeltaDecode = (source: Uint8Array, delta: Uint8Array, mostBytes: number): Promise<Uint8Array> =>
  call((xdelta) => xdelta.xd3_decode_memory(delta, source, mostBytes));
