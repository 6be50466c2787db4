/** Valid bytes with some damage: bits and bytes changed, pieces cut out, put in, or repeated. */
import type { Random } from "../kit/random.ts";

export const mutated = (random: Random, bytes: Buffer): Buffer => {
  const out = Buffer.from(bytes);
  for (let count = random.int(1, 4); count > 0; count--) {
    const at = random.int(0, Math.max(0, out.length - 1));
    const act = random.int(0, 4);
    if (act === 0) out[at] = random.int(0, 255);
    else if (act === 1) out[at] = (out[at] ?? 0) ^ (1 << random.int(0, 7));
    else if (act === 2) return mutatedTail(random, out, at);
    else if (act === 3)
      return Buffer.concat([out.subarray(0, at), random.bytes(random.int(1, 9)), out.subarray(at)]);
    else out[at] = random.pick([0, 1, 0x7f, 0x80, 0xff]);
  }
  return out;
};

const mutatedTail = (random: Random, bytes: Buffer, at: number): Buffer =>
  random.chance(0.5)
    ? bytes.subarray(0, at)
    : Buffer.concat([bytes.subarray(0, at), bytes.subarray(random.int(at, bytes.length))]);
