/**
 * How a link key stands in either side's config: its id, and its secret there or in a file of its own; beside it the one before, while
 * the key is rotated. SPEC section "Keys".
 */
import { z } from "zod";
import type { Surroundings } from "../config/parse-config.ts";
import { block, namedFile, written } from "../config/schema.ts";
import { parseMoment, UnitError } from "../config/units.ts";
import { isKeyId, type LinkKey, MAX_KEY_ID_LENGTH, parseSecret, type Secret } from "./key.ts";

const readSecret = (text: string): Secret => {
  try {
    return parseSecret(text.trim());
  } catch {
    // Not that error's own words: they might hold what was written.
    throw new UnitError("is not a link key's secret; make one with `coilgun-edge pair`, and copy it whole");
  }
};

/** A key's id as a config names it; throws UnitError. */
export const readId = (text: string): string => {
  // The letters of a secret are letters of an id too, and ids are printed.
  if (text.startsWith("cgk1_"))
    throw new UnitError("holds a secret; ids are printed, secrets belong under secret");
  if (!isKeyId(text)) {
    throw new UnitError(`must be 1 to ${MAX_KEY_ID_LENGTH} letters, digits, dots, dashes or underscores`);
  }
  return text;
};

const secretSettings = (near: Surroundings) => ({
  secret: written(readSecret, "the text that `coilgun-edge pair` wrote")
    .optional()
    .describe("The secret that both sides share; this or secretFile."),
  secretFile: namedFile(near)
    .transform(({ bytes }, context): Secret => {
      try {
        return readSecret(bytes.toString("latin1"));
      } catch {
        context.addIssue({
          code: "custom",
          message: "names a file that does not hold a link key's secret alone",
        });
        return z.NEVER;
      }
    })
    .optional()
    .describe("A file that holds the secret alone."),
});

/** The settings of a key, to be spread into a block; `keyOf` makes a LinkKey of them. */
export const keySettings = (near: Surroundings) => ({
  id: written(readId, "a key's id, such as key-0f3a9c1b5d7e").describe("The key's name; it is printed."),
  ...secretSettings(near),
  previous: block({
    ...secretSettings(near),
    until: written(parseMoment, "a moment, such as 2030-01-31T12:00:00Z")
      .optional()
      .describe("When it ends; without it, when the config names it no more. Links that proved it end then."),
  })
    .transform(({ until, ...written }, context) => ({
      secret: secretOf(written, context) ?? z.NEVER,
      untilMs: until,
    }))
    .optional()
    .describe("The secret before this one, which proves the key too while it is rotated."),
});

interface WrittenSecret {
  readonly secret?: Secret | undefined;
  readonly secretFile?: Secret | undefined;
}

/** Undefined, and a problem in `context`, unless the secret stands in exactly one place. */
const secretOf = (written: WrittenSecret, context: z.core.$RefinementCtx): Secret | undefined => {
  const secret = written.secret ?? written.secretFile;
  if (secret !== undefined && (written.secret === undefined || written.secretFile === undefined))
    return secret;
  context.addIssue({
    code: "custom",
    message:
      secret === undefined
        ? "needs a secret or a secretFile"
        : "has both a secret and a secretFile; keep one",
  });
  return undefined;
};

/** Undefined, and a problem in `context`, unless each secret stands in exactly one place. */
export const keyOf = (
  { id, previous, ...written }: WrittenSecret & Pick<LinkKey, "id" | "previous">,
  context: z.core.$RefinementCtx,
): LinkKey | undefined => {
  const secret = secretOf(written, context);
  if (secret === undefined) return undefined;
  if (!secret.equals(previous?.secret)) return { id, secret, ...(previous && { previous }) };
  context.addIssue({
    code: "custom",
    path: ["previous"],
    message: "holds the secret of the key itself; leave it out",
  });
  return undefined;
};
