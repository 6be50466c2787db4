/** File descriptors of this process: how many it may have, and which one a socket is. Linux tells; elsewhere neither is known. */
import { readFileSync } from "node:fs";
import type { Socket } from "node:net";

/** Some are kept for links, web servers and files: an eighth, but no more. */
const MOST_KEPT = 256;

/** Connections of strangers take no descriptor from this number on; infinite where it is not known. */
export const mostForStrangers = (limits = readLimits()): number => {
  const most = Number(/^Max open files\s+(\d+)/m.exec(limits)?.[1] ?? Number.POSITIVE_INFINITY);
  return most - Math.min(MOST_KEPT, Math.ceil(most / 8));
};

/** The system gives the lowest that is free. */
export const descriptorOf = (socket: Socket): number =>
  (socket as { readonly _handle?: { readonly fd?: number } | null })._handle?.fd ?? -1;

const readLimits = (): string => {
  try {
    return readFileSync("/proc/self/limits", "latin1");
  } catch {
    return "";
  }
};
