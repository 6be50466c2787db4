import type { RootLog } from "../../protocol/daemon/log.ts";

/** A log that nobody reads. */
export const silentLog: RootLog = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  with: () => silentLog,
  setLevel() {},
};
