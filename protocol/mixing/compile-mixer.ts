/** The mixing coder as a module, compiled once in the life of a process. */
import { setFlagsFromString } from "node:v8";
import { isMeasuredOn } from "../runtime/young-generation.ts";
import { MIXER_BINARY } from "./mixer-binary.ts";

/** As much of it as is used here: Node's types do not have it without those of browsers. */
declare const WebAssembly: { readonly Module: new (bytes: Uint8Array) => object };

/**
 * V8 compiles WebAssembly function by function, quickly at first, and well when a function has run for long: of a
 * process that codes its first thousand pages that took a quarter of the time. So all of it is compiled well at once,
 * in 15 ms on two cores; what other modules there may be is compiled as before.
 */
const WELL_AT_ONCE = ["liftoff", "wasm-lazy-compilation"];

/** Throws where there is no WebAssembly, or none with vectors. */
export const compileMixer = (): object => {
  const bytes = Buffer.from(MIXER_BINARY, "base64");
  if (!isMeasuredOn(process.versions.node)) return new WebAssembly.Module(bytes);
  for (const flag of WELL_AT_ONCE) setFlagsFromString(`--no-${flag}`);
  try {
    return new WebAssembly.Module(bytes);
  } finally {
    for (const flag of WELL_AT_ONCE) setFlagsFromString(`--${flag}`);
  }
};
