/**
 * What there is to set, read off the schema that reads the config file, so that no setting can be missing or have another default: for
 * docs/configuration.md and for the command `settings`.
 */
import type { z } from "zod";

/** One line of a table. */
export interface DocumentedSetting {
  /** From the top, `[]` behind lists: `keys[].hosts[].bases`. */
  readonly path: string;
  /** As it would be written; undefined: there is none. */
  readonly fallback: string | undefined;
  /** Whether the block that it stands in needs it. */
  readonly required: boolean;
  /** What may be written, with the bounds. */
  readonly form: string;
  /** Undefined where the schema has none, which the test refuses. */
  readonly meaning: string | undefined;
}

interface Found {
  readonly meaning?: string | undefined;
  readonly form?: string | undefined;
  readonly bounds?: { readonly least: unknown; readonly most?: unknown } | undefined;
  readonly fallback?: unknown;
  readonly optional: boolean;
}

const metaOf = (schema: z.core.$ZodType): Readonly<Record<string, unknown>> =>
  ("meta" in schema && typeof schema.meta === "function" ? schema.meta() : undefined) ?? {};

/** Every setting below `schema`, in the order of the schema; the outermost description, form and default count. */
function* settingsIn(schema: z.core.$ZodType, path: string, above: Found): Generator<DocumentedSetting> {
  const meta = metaOf(schema);
  const found: Found = {
    ...above,
    meaning: above.meaning ?? (meta.description as string | undefined),
    form: above.form ?? (meta.form as string | undefined),
    bounds: above.bounds ?? (meta.bounds as Found["bounds"]),
  };
  const { def } = (schema as z.core.$ZodTypes)._zod;
  switch (def.type) {
    case "prefault":
      return yield* settingsIn(def.innerType, path, {
        ...found,
        fallback: found.fallback ?? def.defaultValue,
      });
    case "optional":
      return yield* settingsIn(def.innerType, path, { ...found, optional: true });
    case "pipe": {
      // What is written goes in; a preprocessing step only lets a short form stand for the long one.
      const { in: before, out: after } = def;
      const written = (before as z.core.$ZodTypes)._zod.def.type === "transform" ? after : before;
      return yield* settingsIn(written, path, found);
    }
    case "array":
      return yield* listIn(def.element, path, found);
    case "object": {
      if (found.meaning !== undefined) yield lineOf(path, { ...found, form: "block" });
      for (const [name, setting] of Object.entries(def.shape))
        yield* settingsIn(setting, path === "" ? name : `${path}.${name}`, { optional: false });
      return;
    }
    case "union":
      return yield* variantsIn(def.options, path, found);
    case "enum":
      return yield lineOf(path, {
        ...found,
        form: Object.values(def.entries)
          .map((value) => code(String(value)))
          .join(", "),
      });
    case "boolean":
      return yield lineOf(path, { ...found, form: "`true`, `false`" });
    case "literal":
      return yield lineOf(path, {
        ...found,
        form: def.values.map((value) => code(String(value))).join(", "),
      });
    default:
      return yield lineOf(path, found);
  }
}

/** A list of blocks has a line of its own where it means something; a list of plain values is one setting. */
function* listIn(element: z.core.$ZodType, path: string, list: Found): Generator<DocumentedSetting> {
  const inside = [...settingsIn(element, `${path}[]`, { optional: false })];
  const [only] = inside;
  if (inside.length === 1 && only?.path === `${path}[]`) {
    yield lineOf(path, { ...list, form: `list: ${only.form}` });
    return;
  }
  if (list.meaning !== undefined) yield lineOf(path, { ...list, form: "list of blocks" });
  yield* inside;
}

/** Blocks of different modes: what all have stands once, what only some have says so. */
function* variantsIn(
  options: readonly z.core.$ZodType[],
  path: string,
  union: Found,
): Generator<DocumentedSetting> {
  if (union.meaning !== undefined) yield lineOf(path, { ...union, form: "block" });
  const variants = options.map((option) => [...settingsIn(option, path, { optional: false })]);
  const modes = variants.map((settings) => settings.find((each) => each.path === `${path}.mode`)?.form ?? "");
  const shown = new Set<string>();
  for (const setting of variants.flat()) {
    if (shown.has(setting.path)) continue;
    shown.add(setting.path);
    const having = modes.filter((_, at) => variants[at]?.some((each) => each.path === setting.path));
    if (setting.path === `${path}.mode`)
      yield { ...setting, required: false, fallback: "psk", form: modes.join(", ") };
    else if (having.length === modes.length) yield setting;
    else yield { ...setting, meaning: setting.meaning && `Mode ${having.join(", ")}: ${setting.meaning}` };
  }
}

/** As Markdown has it. @internal */
export const code = (text: string): string => `\`${text}\``;

const lineOf = (
  path: string,
  { meaning, form = "text", bounds, fallback, optional }: Found,
): DocumentedSetting => ({
  path,
  fallback: fallbackText(fallback),
  required: fallback === undefined && !optional,
  form: bounds === undefined ? form : `${form}, ${boundsText(bounds)}`,
  meaning,
});

const fallbackText = (fallback: unknown): string | undefined => {
  if (Array.isArray(fallback)) return `[${fallback.join(", ")}]`;
  return fallback === undefined || typeof fallback === "object" ? undefined : String(fallback);
};

const boundsText = ({ least, most }: NonNullable<Found["bounds"]>): string =>
  most === undefined ? `at least ${least}` : `${least} to ${most}`;

/** Every setting of a config file, in the order of its schema. */
export const settingsOfSchema = (schema: z.core.$ZodType): readonly DocumentedSetting[] => [
  ...settingsIn(schema, "", { optional: false }),
];
