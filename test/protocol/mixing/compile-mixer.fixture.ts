/** Compiles the mixing coder, then a module of one function that gives 7, and runs it: V8 compiles what is run. */
import { compileMixer } from "../../../protocol/mixing/compile-mixer.ts";

declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: { seven(): number } };
};

const HEAD = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];
const TYPE = [0x01, 0x05, 0x01, 0x60, 0x00, 0x01, 0x7f];
const FUNCTION = [0x03, 0x02, 0x01, 0x00];
const EXPORT = [0x07, 0x09, 0x01, 0x05, ...Buffer.from("seven"), 0x00, 0x00];
const CODE = [0x0a, 0x06, 0x01, 0x04, 0x00, 0x41, 0x07, 0x0b];

compileMixer();
const other = new WebAssembly.Module(Uint8Array.from([...HEAD, ...TYPE, ...FUNCTION, ...EXPORT, ...CODE]));
new WebAssembly.Instance(other).exports.seven();
