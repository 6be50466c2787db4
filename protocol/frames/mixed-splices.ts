/**
 * Splices that are mixed, which take the edge milliseconds: both hellos name the feature, and an edge that has no time
 * for them now says so with a request. SPEC section "Mixed".
 */
import { EXTENSION, type Extension, extensionOf } from "../wire/extensions.ts";

/** The feature that both hellos name; it stands for exactly the coder of SPEC section "Mixed". */
export const MIXED_SPLICES = "mixed-splices";

/** In open. */
export const NOT_MIXED: Extension = { tag: EXTENSION.notMixed, bytes: Buffer.alloc(0) };

/** The edge has time for a mixed splice. */
export const takesMixed = (extensions: readonly Extension[]): boolean =>
  extensions.length === 0 || extensionOf(extensions, EXTENSION.notMixed) === undefined;
