/** Report files: of their owner alone, whatever was there before. */
import { accessSync, chmodSync, constants, statSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { PRIVATE_MODE, replacePrivateFile } from "../../protocol/daemon/private-file.ts";
import { Complaint, codeOf } from "../../protocol/runtime/user-error.ts";

/** Throws Complaint where a report could not be written: before minutes go into what it says. */
export function throwUnlessWritable(file: string): void {
  try {
    accessSync(dirname(file), constants.W_OK);
  } catch (cause) {
    throw new Complaint(
      `${file} cannot be written: its folder is not there, or may not be written (${codeOf(cause)})`,
      { cause },
    );
  }
}

/** A pipe or a device, such as /dev/stdout, is written to as it is. */
export function writeReport(file: string, text: string): void {
  if (statSync(file, { throwIfNoEntry: false })?.isFile() === false) return writeFileSync(file, text);
  replacePrivateFile(file, text);
  chmodSync(file, PRIVATE_MODE);
}
