/** Numbers as options of the bench have them. */
import { InvalidArgumentError } from "commander";

/** A reader of an option, whose complaint becomes a usage error. Both bounds are included. */
export const wholeNumberFrom =
  (least: number, most: number) =>
  (text: string): number => {
    const value = Number(text);
    if (text.trim() !== "" && Number.isInteger(value) && value >= least && value <= most) return value;
    throw new InvalidArgumentError(`must be a whole number from ${least} to ${most}.`);
  };
