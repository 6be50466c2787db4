/**
 * Variables of the environment in a config file: `${NAME}`, and `${NAME:-what else}` where it is not set or empty, as compose files write
 * them, within any value and in no name. Put in after the file is parsed, so that no value can add settings; `$${` stands for a plain `${`.
 */
import { type Document, isPair, isScalar, isSeq, type Scalar, visit } from "yaml";

/** A value that needs a variable which is not set. */
export interface MissingVariable {
  /** The value's place in the text. */
  readonly offset: number;
  readonly message: string;
}

const REFERENCE = /\$(\$\{)|\$\{([^}]*)\}?/g;
const INSIDE = /^([A-Za-z_]\w*)(?::-(.*))?$/s;

/** Puts the variables' values into the document, or into what stands under `only`; returns what is missing, without any value. */
export const putVariables = (
  document: Document,
  env: NodeJS.ProcessEnv,
  only?: string,
): readonly MissingVariable[] => {
  const missing: MissingVariable[] = [];
  visit(document, {
    Pair: (_, { key }, ancestors) =>
      only === undefined || ancestors.length > 2 || (isScalar(key) && key.value === only)
        ? undefined
        : visit.SKIP,
    Scalar(key, scalar, ancestors) {
      if (key === "key" || typeof scalar.value !== "string" || !scalar.value.includes("${")) return;
      const offset = scalar.range?.[0] ?? 0;
      const complain = (message: string): string => {
        missing.push({ offset, message: `${settingAt([...ancestors, scalar])} ${message}` });
        return "";
      };
      const text = scalar.value.replace(REFERENCE, (whole, plain: string | undefined, inside: string) => {
        if (plain !== undefined) return plain;
        const [, name, otherwise] = INSIDE.exec(inside) ?? [];
        if (name === undefined || !whole.endsWith("}"))
          return complain(`holds \${ but no variable; write \${NAME}, or $\${ for these two characters`);
        const value = env[name] === "" ? undefined : env[name];
        if (value !== undefined || otherwise !== undefined) return value ?? otherwise ?? "";
        return complain(`needs the environment variable ${name}; set it, or write \${${name}:-what else}`);
      });
      scalar.value = scalar.type === "PLAIN" ? asPlain(text) : text;
    },
  });
  return missing;
};

/** Numbers and switches come from the environment as text too; in quotes they stay text. */
const asPlain = (text: string): Scalar["value"] => {
  if (text === "true" || text === "false") return text === "true";
  return /^\d{1,15}$/.test(text) ? Number(text) : text;
};

/** `keys[0].secret`, of a node and what it stands in. */
const settingAt = (nodes: readonly unknown[]): string =>
  nodes
    .map((node, at) => {
      if (isPair(node) && isScalar(node.key)) return `.${node.key.value}`;
      return isSeq(node) ? `[${node.items.indexOf(nodes[at + 1])}]` : "";
    })
    .join("")
    .replace(/^\./, "");
