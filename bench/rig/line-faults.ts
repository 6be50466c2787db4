/**
 * What can be wrong with one direction of a connection, at whichever layer it is done: on the bytes of a relay between processes
 * (faulty-relay.ts), or on the messages of a transport in memory (test/kit). All may be changed at any time and holds for what is
 * sent from then on. Chance is an argument, so that a fault can be repeated.
 */
export interface LineFaults {
  /** Nothing arrives until `resume`; it waits, in order. */
  stall(): void;
  resume(): void;
  /** Nothing arrives any more, not even the end, and nobody is told. */
  lose(): void;
  /** Different delays of two connections reorder what is sent on both. Without a value: none. */
  slow(line: { readonly delayMs?: number; readonly bytesPerSecond?: number }): void;
  /** Of about one in `bytes` bytes, one bit arrives changed. Infinity: of none. */
  flip(bytes: number, chance: () => number): void;
  /** After so many more bytes the connection breaks for both ends, in the middle of whatever they are part of. */
  cutAfterBytes(bytes: number): void;
}

/** `bytes` with one bit changed in about one of `oneIn`; the same object if none was. */
export const flipped = <Bytes extends Uint8Array>(
  bytes: Bytes,
  oneIn: number,
  chance: () => number,
): Bytes => {
  let changed: Bytes | undefined;
  // The distance to the next one is drawn, not each byte: a relay carries megabytes.
  const step = () => 1 + Math.floor(-Math.log(1 - chance()) * oneIn);
  if (oneIn === Number.POSITIVE_INFINITY) return bytes;
  for (let at = step() - 1; at < bytes.length; at += step()) {
    changed ??= bytes.slice() as Bytes;
    changed[at] = (changed[at] ?? 0) ^ (1 << Math.floor(chance() * 8));
  }
  return changed ?? bytes;
};
