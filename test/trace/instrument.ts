/**
 * Puts a call at the beginning of every function of a module, closures included, so that a run can be told as the sequence of
 * functions that it entered. Lines stay where they are. A function that resumes (a generator, after an `await`) is not entered
 * again, and code outside functions (field initialisers, the module itself) counts as part of whatever ran it.
 */
import { type AnyNode, type Function as FunctionNode, parse } from "acorn";

export interface TracedFunction {
  /** From the root of the checkout, with slashes. */
  readonly file: string;
  /** Of a closure: those around it first, such as `openLink > data`. */
  readonly name: string;
  /** From 1. */
  readonly line: number;
}

/** The name of the global function that instrumented code calls, with what `register` gave for the function. */
export const ENTERED = "coilgunTraceEntered";

/**
 * The module with its calls; `register` is asked once for each function, in the order of the source. Throws a SyntaxError for
 * what is not a JavaScript module.
 */
export const instrument = (
  source: string,
  file: string,
  register: (traced: TracedFunction) => number,
): string => {
  const inserts: { readonly at: number; readonly text: string }[] = [];
  const visit = (node: AnyNode, parent: AnyNode | undefined, around: readonly string[]): void => {
    let names = around;
    if (isFunction(node)) {
      names = [...around, nameOf(node, parent)];
      const line = node.loc?.start.line ?? 0;
      const call = `${ENTERED}(${register({ file, name: names.join(" > "), line })})`;
      const { body } = node;
      if (body.type === "BlockStatement") inserts.push({ at: body.start + 1, text: `${call};` });
      // Parentheses of the source's own stand outside these; a body never has a comma outside parentheses.
      else inserts.push({ at: body.start, text: `(${call},(` }, { at: body.end, text: "))" });
    }
    for (const child of childrenOf(node)) visit(child, node, names);
  };
  visit(parse(source, { ecmaVersion: "latest", sourceType: "module", locations: true }), undefined, []);
  let [text, from] = ["", 0];
  for (const insert of inserts.sort((a, b) => a.at - b.at)) {
    text += source.slice(from, insert.at) + insert.text;
    from = insert.at;
  }
  return text + source.slice(from);
};

const isFunction = (node: AnyNode): node is FunctionNode & AnyNode =>
  node.type === "FunctionDeclaration" ||
  node.type === "FunctionExpression" ||
  node.type === "ArrowFunctionExpression";

const isNode = (value: unknown): value is AnyNode =>
  typeof value === "object" && value !== null && "type" in value && typeof value.type === "string";

const childrenOf = (node: AnyNode): AnyNode[] => Object.values(node).flat().filter(isNode);

/** The name that the source gives it, directly or by what it is assigned to. */
const nameOf = (node: FunctionNode, parent: AnyNode | undefined): string => {
  if (node.id) return node.id.name;
  switch (parent?.type) {
    case "VariableDeclarator":
      return keyOf(parent.id);
    case "Property":
    case "PropertyDefinition":
    case "MethodDefinition":
      return keyOf(parent.key);
    case "AssignmentExpression":
      return keyOf(parent.left);
    default:
      return "(closure)";
  }
};

const keyOf = (node: AnyNode): string => {
  if (node.type === "Identifier") return node.name;
  if (node.type === "PrivateIdentifier") return `#${node.name}`;
  if (node.type === "MemberExpression") return keyOf(node.property);
  return "(closure)";
};
