/**
 * How much padding hides the size of something coded: noise that depends on a secret key and on what is hidden, so that asking for
 * the same again tells nothing new, and then up to a whole step, so that small differences rarely show. SPEC section "What
 * sizes tell".
 */
import { createHmac, generateKeySync } from "node:crypto";

export class SizePadding {
  readonly #key = generateKeySync("hmac", { length: 256 });

  /**
   * The size that `bytes` are padded to, at least `least` more than they are. Mean cost: one step. `of`: names what is hidden, such
   * as a fingerprint.
   */
  sizeFor(
    bytes: number,
    { step, least, of }: { readonly step: number; readonly least: number; readonly of: string | Uint8Array },
  ): number {
    const noise = createHmac("sha256", this.#key).update(of).digest().readUInt32BE(0) % step;
    return Math.ceil((bytes + least + noise) / step) * step;
  }
}
