/**
 * Which paths a setting is about: a prefix that ends where a segment of the path ends. Paths are compared byte for byte, as visitors
 * wrote them: nothing is decoded or shortened, because the web server gets them so. docs/operations.md section "Routes".
 */
import { UnitError } from "./units.ts";

/** `/api`, `/api/` and `/`. Throws UnitError. */
export const parsePathPrefix = (text: string): string => {
  const path = text.trim();
  if (!path.startsWith("/")) throw new UnitError("must begin with a slash, such as /api");
  // What no request target can hold would never match, and a route that never matches is a mistake.
  if (/[?#*]|[^\x21-\x7e]/.test(path))
    throw new UnitError(
      "must be the beginning of a path as it stands in a URL, such as /api, without ?, # or *",
    );
  return path.replace(/\/+$/, "") || "/";
};

/** The path of a target in origin form or absolute form; of `*`, the root. */
export const pathOf = (target: string): string => {
  const from = target.startsWith("/") ? 0 : target.indexOf("/", target.indexOf("://") + 3);
  if (from === -1 || target === "*") return "/";
  const query = target.indexOf("?", from);
  return query === -1 ? target.slice(from) : target.slice(from, query);
};

export const isBelow = (path: string, prefix: string): boolean => {
  if (prefix === "/" || path === prefix) return true;
  return path.startsWith(prefix) && path.charAt(prefix.length) === "/";
};
