/**
 * Bytes of sessions in the file: AES-256-GCM under a key of the partition, with what they belong to as associated data, so that
 * who can write the file moves none to another page, host or session.
 */
import { createCipheriv, createDecipheriv, type KeyObject, randomBytes } from "node:crypto";

const IV_BYTES = 12;
const TAG_BYTES = 16;
const CIPHER = "aes-256-gcm";

/** IV, tag, and what only the key opens. */
export const seal = (key: KeyObject, plain: Uint8Array, about: string): Buffer => {
  const iv = randomBytes(IV_BYTES);
  const cipher = createCipheriv(CIPHER, key, iv);
  cipher.setAAD(Buffer.from(about, "latin1"));
  const coded = [cipher.update(plain), cipher.final()];
  return Buffer.concat([iv, cipher.getAuthTag(), ...coded]);
};

/** Undefined for what was not sealed so. */
export const unseal = (key: KeyObject, sealed: Uint8Array, about: string): Buffer | undefined => {
  try {
    const decipher = createDecipheriv(CIPHER, key, sealed.subarray(0, IV_BYTES), {
      authTagLength: TAG_BYTES,
    });
    decipher.setAAD(Buffer.from(about, "latin1"));
    decipher.setAuthTag(sealed.subarray(IV_BYTES, IV_BYTES + TAG_BYTES));
    const plain = decipher.update(sealed.subarray(IV_BYTES + TAG_BYTES));
    // Throws where the tag does not fit; of this cipher nothing is left to come.
    decipher.final();
    return plain;
  } catch {
    return undefined;
  }
};
