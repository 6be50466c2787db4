/**
 * Programs that tests drive and that no npm package brings: a browser, curl. Where one is missing its tests are left out, with a
 * word on how to get it; where it was promised (COILGUN_PROGRAMS=required, as CI sets it) they fail instead.
 */
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { describe, it } from "vitest";

export interface OutsideProgram {
  /** In the order in which they are looked for. */
  readonly names: readonly string[];
  /** What a person can do about a missing one. */
  readonly get: string;
}

export const CHROMIUM: OutsideProgram = {
  names: ["chromium", "chromium-browser", "google-chrome"],
  get: "install Chromium (Debian, Ubuntu: apt-get install chromium)",
};
export const PROMETHEUS: OutsideProgram = {
  names: ["prometheus"],
  get: "install Prometheus (Debian, Ubuntu: apt-get install prometheus)",
};
export const CURL: OutsideProgram = {
  names: ["curl"],
  get: "install curl (Debian, Ubuntu: apt-get install curl)",
};
export const REDIS: OutsideProgram = {
  names: ["redis-server", "valkey-server"],
  get: "install Redis or Valkey (Debian, Ubuntu: apt-get install redis-server)",
};

const isRunnable = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
};

/** Its full path. */
const findProgram = ({ names }: OutsideProgram): string | undefined =>
  names
    .flatMap((name) => (process.env.PATH ?? "").split(delimiter).map((folder) => join(folder, name)))
    .find(isRunnable);

/** Like `describe`, with the path of the program. */
export const describeWith = (program: OutsideProgram, title: string, tests: (path: string) => void): void => {
  const path = findProgram(program);
  if (path !== undefined) describe(title, () => tests(path));
  else if (process.env.COILGUN_PROGRAMS === "required")
    it(title, () => {
      throw new Error(`not found: ${program.names.join(", ")}; ${program.get}`);
    });
  else {
    process.stderr.write(`Left out: ${title}. To run it, ${program.get}.\n`);
    it.skip(`${title} (left out: ${program.get})`, () => {});
  }
};
