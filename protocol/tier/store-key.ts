/**
 * The key of a store's file: 32 random bytes in a file of their own, which only its owner may read. From it come the keys of what
 * the file holds of sessions, the names of its lists, and the secret of the session hash, which then means the same after a
 * restart. SPEC section "Version store".
 */
import { createSecretKey, hkdfSync, type KeyObject, randomBytes } from "node:crypto";
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { isOpenToOthers, replacePrivateFile, writeNewPrivateFile } from "../daemon/private-file.ts";
import { Complaint, codeOf } from "../runtime/user-error.ts";

const KEY_BYTES = 32;
const TEXT = /^[0-9a-f]{64}\s*$/;

/** Whether there is a file that is to hold the key. */
export const hasKey = existsSync;

/** Reads the key, or makes it where there is none. Throws Complaint. */
export const storeKeyIn = (file: string): Buffer => {
  try {
    if (!hasKey(file)) writeNewPrivateFile(file, `${randomBytes(KEY_BYTES).toString("hex")}\n`);
    const text = readFileSync(file, "utf8");
    if (isOpenToOthers(file))
      throw new Complaint(`store.keyFile ${file} can be read by others; run: chmod 600 ${file}`);
    if (!TEXT.test(text))
      throw new Complaint(
        `store.keyFile ${file} does not hold 64 hexadecimal digits; remove it, and a new key is made`,
      );
    return Buffer.from(text.trim(), "hex");
  } catch (error) {
    if (error instanceof Complaint) throw error;
    throw new Complaint(`store.keyFile ${file}: ${error instanceof Error ? error.message : error}`);
  }
};

/** A secret of its own for each purpose. `salt`: where a purpose has several. */
export const derived = (
  storeKey: Uint8Array | KeyObject,
  purpose: string,
  salt: Uint8Array = Buffer.alloc(0),
): Buffer => Buffer.from(hkdfSync("sha256", storeKey, salt, purpose, KEY_BYTES));

/** The same to seal and to hash with: Node takes a quarter of the time for it that it takes for bytes. */
export const derivedKey = (...of: Parameters<typeof derived>): KeyObject => createSecretKey(derived(...of));

/** Small texts in files of their own beside the key, whose names begin with `path`. All throw Node's errors. */
export const notesBeside = (path: string) => ({
  keep: (name: string, text: string): void => replacePrivateFile(path + name, text),
  drop: (name: string): void => rmSync(path + name, { force: true }),
  texts: (): readonly string[] =>
    readdirSync(dirname(path))
      .filter((name) => name.startsWith(basename(path)))
      .flatMap((name) => textIn(join(dirname(path), name)) ?? []),
});

/** Undefined where it is gone: another process with the same key has told it meanwhile. */
const textIn = (file: string): string | undefined => {
  try {
    return readFileSync(file, "latin1");
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
};
