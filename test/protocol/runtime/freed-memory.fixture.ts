/** Makes pages in Buffers and frees them, in turns, as a store does that is full. Prints how many times memory was faulted in. */
import { keepFreedMemory } from "../../../protocol/runtime/young-generation.ts";

if (process.argv[2] === "kept") keepFreedMemory();
const PAGE_BYTES = 200_000;
let before = 0;
for (let turn = 0; turn < 8; turn++) {
  if (turn === 3) before = process.resourceUsage().minorPageFault;
  const pages = Array.from({ length: 120 }, () => Buffer.allocUnsafeSlow(PAGE_BYTES).fill(turn));
  for (const { buffer } of pages) buffer.transfer(0);
}
console.log(process.resourceUsage().minorPageFault - before);
