/** The first things that went wrong in a measurement: enough to see what it is, not all of a long list. */

const FLAWS_SHOWN = 5;

export function note(flaws: string[], flaw: string): void {
  if (flaws.length < FLAWS_SHOWN) flaws.push(flaw);
}
