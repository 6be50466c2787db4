/** Whether what stands below the versions in memory can be used: for `check`. Nothing is made. */
import type { StoreSettings } from "../../config/store-settings.ts";
import { checkFolder, checkRoom, type Finding, ok, problem } from "../../daemon/findings.ts";
import type { Clock } from "../../runtime/clock.ts";
import { Complaint, codeOf } from "../../runtime/user-error.ts";
import { isThere, OthersFile } from "../disk/schema.ts";
import type { Side } from "../shared/shared-keys.ts";
import { hasKey, storeKeyIn } from "../store-key.ts";
import { checkShared } from "./check-shared.ts";

export const checkStore = async (
  settings: StoreSettings,
  options: { readonly side: Side; readonly clock: Clock },
): Promise<readonly Finding[]> => {
  const { file, shared, keyFile } = settings;
  const isBelow = file !== undefined || shared !== undefined;
  const key = isBelow && keyFile !== undefined ? [checkKey(keyFile)] : [];
  return [
    ...(file === undefined
      ? []
      : [checkFile(file), ...checkRoom("store.fileSize", file, settings.fileSizeBytes)]),
    ...key,
    ...(key.some(({ outcome }) => outcome === "problem") ? [] : await checkShared(settings, options)),
  ];
};

const checkFile = (path: string): Finding => {
  try {
    if (!isThere(path)) return checkFolder("store.file", path);
    return ok(`store.file: ${path} can be written`);
  } catch (error) {
    if (error instanceof OthersFile)
      return problem(`store.file: ${path} is no file of versions`, "name another path; it stays as it is");
    if (codeOf(error) === "EISDIR") return problem(`store.file: ${path} is a folder`, "name a file in it");
    return problem(
      `store.file: this user may not write ${path} (${codeOf(error)})`,
      "change its owner, or set another path; until then versions are in memory only",
    );
  }
};

const checkKey = (path: string): Finding => {
  if (!hasKey(path)) return checkFolder("store.keyFile", path);
  try {
    storeKeyIn(path);
    return ok(`store.keyFile: ${path} holds a key`);
  } catch (error) {
    if (!(error instanceof Complaint)) throw error;
    return problem(error.message, "the daemon does not start before that is done");
  }
};
