/**
 * Streaming compressors cost memory for as long as their page takes: with a dictionary some megabytes each (measured:
 * protocol/codec/zstd-params). So only so many run at once; then bodies stream compressed without bases, and when even
 * those are spent, as they are. SPEC section "Memory".
 */

/** @internal */
export const MOST_WITH_BASES = 64;
/** @internal */
export const MOST_ALONE = 256;

/** What a body that streams may use. */
export type StreamContext = "withBases" | "alone" | "none";

export class CompressorLimits {
  #free = { withBases: MOST_WITH_BASES, alone: MOST_ALONE };

  /** Takes the best one there is; give it back with `release`. */
  take(wanted: "withBases" | "alone"): StreamContext {
    const kind = wanted === "withBases" && this.#free.withBases > 0 ? "withBases" : "alone";
    if (this.#free[kind] === 0) return "none";
    this.#free[kind]--;
    return kind;
  }

  release(context: StreamContext): void {
    if (context !== "none") this.#free[context]++;
  }
}
