/**
 * JSON Schema (draft 2020-12) of a config file, for editors: what the schema takes as written, short forms and variables of the environment
 * included. It is wider than the schema: bounds of sizes, and what two settings demand of each other, are told when the file is read.
 */
import { z } from "zod";
import { ANYWHERE } from "./config-file.ts";
import type { SchemaFor } from "./parse-config.ts";

type Node = z.core.JSONSchema.BaseSchema;

/** As the text of a file. */
export const schemaText = (schemaFor: SchemaFor<unknown>): string =>
  `${JSON.stringify(jsonSchema(schemaFor), undefined, 2)}\n`;

/** @internal */
export const jsonSchema = (schemaFor: SchemaFor<unknown>): Node => ({
  ...z.toJSONSchema(schemaFor(ANYWHERE), { io: "input", unrepresentable: "any", override }),
  $defs: {
    variable: {
      type: "string",
      pattern: "\\$\\{[A-Za-z_]\\w*(:-.*)?\\}",
      description: "A variable of the environment.",
    },
  },
});

const VARIABLE: Node = { $ref: "#/$defs/variable" };
const OWN_WORDS = ["form", "bounds", "elsewhere"];
const PATTERNS: Readonly<Record<string, string>> = {
  size: "^\\d+(\\.\\d+)? ?([KMGT]i)?B$",
  "size, or off": "^(off|\\d+(\\.\\d+)? ?([KMGT]i)?B)$",
  time: "^\\d+(\\.\\d+)? ?(ms|s|m|h|d)$",
};

const override = ({
  zodSchema,
  jsonSchema: node,
}: {
  zodSchema: z.core.$ZodTypes;
  jsonSchema: Node;
}): void => {
  const { def } = zodSchema._zod;
  const form = "form" in node ? String(node.form) : "";
  const pattern = Object.hasOwn(PATTERNS, form) ? PATTERNS[form] : undefined;
  for (const word of OWN_WORDS) delete node[word];
  if (pattern !== undefined && node.anyOf === undefined)
    instead(node, [{ type: "string", pattern }, VARIABLE]);
  else if (["int", "number", "boolean", "enum"].includes(def.type)) instead(node, [bare(node), VARIABLE]);
  else if (def.type === "pipe" && isTransform(def.in)) shortened(node, def.in._zod.def.transform);
};

const isTransform = (schema: z.core.$ZodType): schema is z.core.$ZodTransform =>
  (schema as z.core.$ZodTypes)._zod.def.type === "transform";

const bare = ({ description, default: _, ...rest }: Node): Node => rest;

/** Keeps what the node means, and its default. */
const instead = (node: Node, anyOf: Node[]): void => {
  const { description, default: normally } = node;
  for (const name of Object.keys(node)) delete node[name];
  Object.assign(node, description && { description }, normally !== undefined && { default: normally }, {
    anyOf,
  });
};

const PROBE = "probe";

/**
 * What a step before the schema makes of a plain value is what may be written in place of the block or list; what it
 * adds is not required.
 */
const shortened = (node: Node, transform: (value: unknown, context: never) => unknown): void => {
  if (typeof transform(1, undefined as never) === "string")
    return instead(node, [bare(node), { type: "integer" }]);
  if (transform(false, undefined as never) === undefined)
    return instead(node, [{ type: "boolean" }, bare(node)]);
  const made = transform(PROBE, undefined as never);
  const added = Object.keys(transform({}, undefined as never) ?? {}).filter((name) => name !== PROBE);
  const blocks = (node.oneOf ?? [node]) as Node[];
  for (const block of blocks)
    if (block.properties?.mode && isPsk(block.properties.mode))
      block.required = block.required?.filter((name) => !added.includes(name)) ?? [];
  if (Array.isArray(made)) return instead(node, [node.items as Node, bare(node)]);
  if (typeof made !== "object" || made === null) return;
  const [short] = Object.entries(made).find(([, value]) => value === PROBE) ?? [];
  const value = short === undefined ? undefined : blocks[0]?.properties?.[short];
  if (value !== undefined) instead(node, [value as Node, bare(node)]);
};

const isPsk = (mode: unknown): boolean =>
  typeof mode === "object" && mode !== null && "const" in mode && mode.const === "psk";
