/**
 * Of which offers the answer copies whole units only, as an extension of the open frame says it: those that others at the visitor's
 * address may have been sent. SPEC section "Units".
 */
import { EXTENSION, type Extension, numberExtension, numberIn } from "../wire/extensions.ts";

/** `offers`: bit i is set for offer i. */
export const wholeUnitsExtension = (offers: number): Extension =>
  numberExtension(EXTENSION.wholeUnits, offers);

/** As `wholeUnitsExtension`; 0 where nothing is said. Throws LinkError for what no edge says. */
export const wholeUnitsOf = (extensions: readonly Extension[]): number =>
  numberIn(extensions, EXTENSION.wholeUnits) ?? 0;
