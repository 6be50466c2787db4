/**
 * What is said about a config that is not valid. zod's and the YAML parser's own texts are not used: both may quote what
 * was written, and that may be a secret. These name settings and what to write, never a value. A message follows the
 * setting's name: "store.size must be at least 1 MiB".
 */
import type { z } from "zod";
import { closest } from "./did-you-mean.ts";

/** Our own words for what YAML parsers complain about; theirs may quote the line, and with it a secret. */
export const SYNTAX: Readonly<Record<string, string>> = {
  BAD_ALIAS: "an alias (*name) has no anchor (&name) before it; a value that begins with * needs quotes",
  BAD_DQ_ESCAPE: "a backslash in double quotes begins no known escape; use single quotes",
  BAD_INDENT:
    "the indentation does not fit the lines around it, or a bracket, brace or quote above is not closed",
  BAD_SCALAR_START: "a value may not begin with this character; put it in quotes",
  BLOCK_AS_IMPLICIT_KEY: "a second `name: value` stands on one line; put it on its own line, or in quotes",
  BLOCK_IN_FLOW: "a block stands inside brackets or braces; close them first",
  DUPLICATE_KEY: "this setting is written twice in the same block; keep one",
  MISSING_CHAR: "a closing quote, bracket, brace or the colon after a name is missing",
  MULTILINE_IMPLICIT_KEY:
    "a setting's name goes over several lines; a colon is missing before this line's end",
  MULTIPLE_DOCS: "a second document begins (---); a config file holds one",
  NON_STRING_KEY: "a setting's name must be plain text",
  TAB_AS_INDENT: "a tab is used as indentation; use spaces",
  TAG_RESOLVE_FAILED: "tags (!name) mean nothing here; remove it",
  UNEXPECTED_TOKEN: "this is not expected here; a quote, comma, colon or line break is missing or too much",
};

const KINDS: Readonly<Record<string, string>> = {
  string: "text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "a list",
  object: "a block of settings",
};

const kindOf = (value: unknown): string => {
  if (value === null) return "nothing";
  return KINDS[Array.isArray(value) ? "array" : typeof value] ?? "something else";
};

/** Undefined leaves the schema's own message, which then is one of ours (in settings.ts). */
export const wordingOf = (issue: z.core.$ZodRawIssue): string | undefined => {
  switch (issue.code) {
    case "invalid_type":
      if (issue.input === undefined) return "is missing";
      if (issue.expected === "int" && typeof issue.input === "number") return "must be a whole number";
      return `must be ${KINDS[issue.expected] ?? "of another kind"}, not ${kindOf(issue.input)}${howToWrite(issue)}`;
    case "invalid_value":
      return oneOf(issue.input, issue.values.map(String));
    case "invalid_union":
      return Array.isArray(issue.options)
        ? oneOf(memberOf(issue.input, issue.discriminator), issue.options.map(String))
        : "has no known form";
    case "too_small":
      return `must be ${issue.origin === "array" ? "a list of " : ""}at least ${issue.minimum}`;
    case "too_big":
      return `must be ${issue.origin === "array" ? "a list of " : ""}at most ${issue.maximum}`;
    default:
      return undefined;
  }
};

/** What would be right in the place of another kind. */
const howToWrite = ({ expected, inst }: z.core.$ZodRawIssue<z.core.$ZodIssueInvalidType>): string => {
  if (expected === "array") return "; put it in brackets, or each on a line of its own behind a dash";
  const names = inst !== undefined && "~standard" in inst ? namesIn(inst) : [];
  return names.length === 0 ? "" : `; here there are: ${names.join(", ")}`;
};

/** The settings of a block, or of blocks of several modes. */
const namesIn = (schema: z.core.$ZodType): readonly string[] => {
  const { def } = (schema as z.core.$ZodTypes)._zod;
  if (def.type === "object") return Object.keys(def.shape);
  if (def.type === "pipe") return namesIn(def.in);
  return def.type === "union" ? [...new Set(def.options.flatMap(namesIn))] : [];
};

const memberOf = (value: unknown, name: string | undefined): unknown =>
  typeof value === "object" && value !== null && name !== undefined
    ? Object.getOwnPropertyDescriptor(value, name)?.value
    : undefined;

const oneOf = (value: unknown, allowed: readonly string[]): string => {
  const near = typeof value === "string" ? closest(value, allowed) : undefined;
  return `must be one of: ${allowed.join(", ")}${near === undefined ? "" : ` (did you mean ${near}?)`}`;
};

/** The settings of a block that has an unknown one; `elsewhere` says when others would be settings too. */
export interface KnownSettings {
  readonly here: readonly string[];
  readonly elsewhere: Readonly<Record<string, string>> | undefined;
}

export const unknownSetting = (name: string, known: KnownSettings | undefined): string => {
  if (known === undefined) return "is not a setting";
  if (name === "<<") return "takes over other settings, which is not done here; write them out";
  const [block = "", ...below] = name.split(".");
  if (below.length > 0 && known.here.includes(block))
    return `is not a setting; write ${block}, and ${below.join(".")} in a block below it`;
  const condition = Object.hasOwn(known.elsewhere ?? {}, name) ? known.elsewhere?.[name] : undefined;
  if (condition !== undefined) return `is a setting only ${condition}`;
  const near = closest(name, known.here);
  return near === undefined
    ? `is not a setting; here there are: ${known.here.join(", ")}`
    : `is not a setting; did you mean ${near}?`;
};
