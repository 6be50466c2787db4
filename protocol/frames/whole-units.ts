/**
 * Of which offers the answer copies whole units only, as an extension of the open frame says it: those that others at the visitor's
 * address may have been sent. SPEC section "Units".
 */
import { ByteReader, ByteWriter } from "../wire/bytes.ts";
import { EXTENSION, type Extension, extensionOf } from "../wire/extensions.ts";

const writer = new ByteWriter();

/** `offers`: bit i is set for offer i. */
export const wholeUnitsExtension = (offers: number): Extension => {
  writer.varint(offers);
  return { tag: EXTENSION.wholeUnits, bytes: writer.take() };
};

/** As `wholeUnitsExtension`; 0 where nothing is said. Throws LinkError for what no edge says. */
export const wholeUnitsOf = (extensions: readonly Extension[]): number => {
  const said = extensionOf(extensions, EXTENSION.wholeUnits);
  if (said === undefined) return 0;
  const r = new ByteReader(said);
  const offers = r.varint();
  r.end();
  return offers;
};
