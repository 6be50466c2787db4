/** Prints the features that a hello names on a machine whose WebAssembly is `whole`, or leaves out vectors, or that has none. */
import { helloMaker } from "../../../protocol/link/local-hello.ts";

/** As V8 does where the processor has no SSE4.1. */
class Refusing {
  constructor() {
    throw new Error("Wasm SIMD unsupported");
  }
}

const [machine = "whole"] = process.argv.slice(2);
if (machine !== "whole")
  Object.defineProperty(globalThis, "WebAssembly", {
    value: machine === "none" ? undefined : { Module: Refusing },
  });
const hello = helloMaker({ role: "edge", headBytes: 1, streamsPerLink: 1, pageBytes: 1, codecs: [] });
process.stdout.write(JSON.stringify(hello().features));
