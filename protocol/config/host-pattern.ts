/**
 * Names of hosts in settings, of which some stand for many: `*.example.com` for every name below that one, at any depth, `*` for every
 * host. The most particular counts: a name itself, then the longest ending, then `*`.
 */
import { LONGEST_HOST_NAME, parseHostName, UnitError } from "./units.ts";

const EVERY_HOST = "*";

/** Throws UnitError. */
export const parseHostPattern = (text: string): string => {
  const bare = text.trim();
  if (bare === EVERY_HOST) return bare;
  if (!bare.startsWith("*.")) return parseHostName(bare);
  const below = parseHostName(bare.slice(2));
  if (below.startsWith("[") || /^[\d.]+$/.test(below))
    throw new UnitError("is not a host name; * stands before a name only, such as *.example.com");
  return `*.${below}`;
};

export const isHostPattern = (name: string): boolean => name.startsWith("*");

/** The names under which something may be said of a host, the most particular first. `host`: as `hostName` gives it. */
export function* namesFor(host: string): Generator<string> {
  yield host;
  // No name is longer; the many parts of such a one would take seconds.
  if (host.length > LONGEST_HOST_NAME) return;
  for (let at = host.indexOf("."); at !== -1; at = host.indexOf(".", at + 1)) yield `*${host.slice(at)}`;
  yield EVERY_HOST;
}

/** What is said of a host, under the most particular of its names. */
export const ofHost = <T>(table: ReadonlyMap<string, T>, host: string): T | undefined => {
  const own = table.get(host);
  if (own !== undefined) return own;
  for (const name of namesFor(host)) {
    const found = table.get(name);
    if (found !== undefined) return found;
  }
  return undefined;
};
