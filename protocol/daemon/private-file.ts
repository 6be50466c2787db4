/**
 * Files that hold a secret: written so that only their owner may read them, and never half. A file that is replaced
 * keeps its owner and mode, so that a daemon with a user of its own can still read it afterwards.
 */

import { randomBytes } from "node:crypto";
import {
  chmodSync,
  chownSync,
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  realpathSync,
  renameSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";

/** Readable and writable by the owner alone. */
export const PRIVATE_MODE = 0o600;

/** Makes a folder that its owner alone can enter, with those above it, where there is none. */
export const makePrivateFolder = (path: string): void => {
  mkdirSync(path, { recursive: true, mode: 0o700 });
};

/** Makes a new file; throws Node's EEXIST when there is one. */
export const writeNewPrivateFile = (path: string, text: string | Uint8Array): void => {
  writeWhole(openSync(path, "wx", PRIVATE_MODE), text);
};

/** Puts `text` in the place of a file, or makes a new one. A reader sees the old text or the new one, never a part. */
export const replacePrivateFile = (path: string, text: string): void => {
  const before = statSync(path, { throwIfNoEntry: false });
  // Behind a symbolic link the file is replaced, not the link.
  const target = before === undefined ? path : realpathSync(path);
  const aside = `${target}.${randomBytes(6).toString("hex")}.new`;
  writeNewPrivateFile(aside, text);
  try {
    if (before !== undefined) {
      const now = statSync(aside);
      if (before.uid !== now.uid || before.gid !== now.gid) chownSync(aside, before.uid, before.gid);
      chmodSync(aside, before.mode & 0o777);
    }
    renameSync(aside, target);
  } catch (error) {
    unlinkSync(aside);
    throw error;
  }
};

const writeWhole = (file: number, text: string | Uint8Array): void => {
  try {
    writeFileSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
};

/** Whether a user other than the owner may read or change the file. */
export const isOpenToOthers = (path: string): boolean => (statSync(path).mode & 0o066) !== 0;
