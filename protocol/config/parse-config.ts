/**
 * From a YAML text to a configuration without holes, or to every problem in it at once, each with file, line and
 * column. The schema is zod; the wording is ours and repeats nothing of what was written except names of settings,
 * so that no secret can reach a message: neither zod's nor the YAML parser's own texts are shown, as both may quote.
 */
import {
  type Document,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  visit,
} from "yaml";
import { z } from "zod";
import { withoutSecrets } from "../runtime/redact.ts";
import { type KnownSettings, SYNTAX, unknownSetting, wordingOf } from "./messages.ts";
import { REMOVED_SETTINGS, type RemovedSettings, removedSetting } from "./removed-settings.ts";
import { putVariables } from "./variables.ts";

/** One thing to change in a config file. Lines and columns count from 1. */
export interface ConfigProblem {
  readonly file: string;
  /** 0: there is no file, and `file` is what was written in its place, such as an option. */
  readonly line: number;
  readonly column: number;
  /** What is wrong and what to write, beginning with the setting's name. */
  readonly message: string;
}

/** A configuration that cannot be used; the message lists all problems, one a line. */
export class ConfigError extends Error {
  readonly problems: readonly ConfigProblem[];
  constructor(problems: readonly ConfigProblem[]) {
    super(problems.map(printProblem).join("\n"));
    this.name = "ConfigError";
    this.problems = problems;
  }
}

export const printProblem = ({ file, line, column, message }: ConfigProblem): string =>
  line === 0 ? `${file} ${message}` : `${file}:${line}:${column}: ${message}`;

/** What a schema may need beyond the text: other files, which a config names relative to itself. */
export interface Surroundings {
  /** Absolute path of a file named in the config. */
  pathOf(name: string): string;
  /** Every address of the machine, as the host of host:port: `[::]`, or `0.0.0.0` where it has no IPv6. */
  readonly everyAddress: string;
  /** A file's bytes; throws Node's error when it cannot be read. */
  read(path: string): Buffer;
}

/** A schema that is built for the place where its config file stands. */
export type SchemaFor<T> = (near: Surroundings) => z.ZodType<T>;

/** Settings that stand beside those of the file: shared by many machines. */
export interface SharedText {
  /** What problems name. */
  readonly file: string;
  readonly text: string;
  /** The settings that it may hold; each stands there or in the file. */
  readonly settings: readonly string[];
}

/** Checks the text of a config file. Throws ConfigError with all problems. */
export const parseConfig = <T>(options: {
  readonly file: string;
  readonly text: string;
  readonly schema: z.ZodType<T>;
  readonly shared?: SharedText;
  /** Settings that the schema once had; those of Coilgun's own configs when left out. */
  readonly removed?: RemovedSettings;
  /** What `${NAME}` stands for; this process' own when left out. */
  readonly env?: NodeJS.ProcessEnv;
  /** The one setting that is looked at: variables of others may be missing. All of them when left out. */
  readonly only?: string | undefined;
}): T => {
  const { env = process.env, shared, only } = options;
  const own = readSettings(options, env, only);
  const beside = shared && readSettings(shared, env);
  if (shared && beside) checkApart(own, beside, shared.settings);
  const besideOwn = isBlock(beside?.written) ? onlyWritten(beside.written) : {};
  const written = isBlock(own.written) ? { ...own.written, ...besideOwn } : own.written;
  const settingsWith = (path: readonly PropertyKey[]) =>
    beside && Object.hasOwn(besideOwn, path[0] ?? "") ? beside : own;

  const known = new Map<string, KnownSettings>();
  const { data, error } = options.schema.safeParse(written, {
    // A file is read once by each schema, and to compile a schema's parsers takes longer than they then save.
    jitless: true,
    error: (issue) => {
      if (issue.code === "unrecognized_keys" && issue.inst instanceof z.ZodObject) {
        const elsewhere = issue.inst.meta()?.elsewhere as KnownSettings["elsewhere"] | undefined;
        known.set(JSON.stringify(issue.path ?? []), { here: Object.keys(issue.inst.shape), elsewhere });
      }
      return wordingOf(issue);
    },
  });
  if (error === undefined) return data as T;

  // Of what is of another kind altogether, its length is no news.
  const ofAnotherKind = new Set(
    error.issues.filter(({ code }) => code === "invalid_type").map(({ path }) => JSON.stringify(path)),
  );
  const news = error.issues.filter(
    ({ code, path }) => code !== "too_small" || !ofAnotherKind.has(JSON.stringify(path)),
  );
  const problems = news.flatMap((issue): ConfigProblem[] => {
    if (issue.code !== "unrecognized_keys") {
      const { document, at } = settingsWith(issue.path);
      const { offset, path } = locate(document, issue.path);
      return [at(offset, path === "" ? `the file ${issue.message}` : `${path} ${issue.message}`)];
    }
    return issue.keys.map((key) => {
      const { document, at } = settingsWith([...issue.path, key]);
      const { offset, path } = locate(document, [...issue.path, key], "key");
      const gone = removedSetting(path, options.removed ?? REMOVED_SETTINGS);
      return at(offset, `${path} ${gone ?? unknownSetting(key, known.get(JSON.stringify(issue.path)))}`);
    });
  });
  throw new ConfigError(problems.sort((a, b) => a.line - b.line || a.column - b.column));
};

/** A text as YAML reads it. */
interface WrittenSettings {
  readonly document: Document.Parsed;
  readonly written: unknown;
  /** A problem at that offset of the text. */
  at(offset: number, message: string): ConfigProblem;
}

const isBlock = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Throws ConfigError for what is no YAML, or lacks a variable. */
const readSettings = (
  { file, text }: { readonly file: string; readonly text: string },
  env: NodeJS.ProcessEnv,
  only?: string,
): WrittenSettings => {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, stringKeys: true });
  const at = (offset: number, message: string): ConfigProblem => {
    const { line, col } = lines.linePos(offset);
    return { file, line: Math.max(line, 1), column: Math.max(col, 1), message: withoutSecrets(message) };
  };
  const syntax = syntaxProblems(document).map(({ offset, message }) => at(offset, message));
  // One problem a line: one slip often counts as several.
  const oneALine = syntax.filter(
    ({ line }, index) => syntax.findIndex((each) => each.line === line) === index,
  );
  if (syntax.length > 0) throw new ConfigError(oneALine);
  const missing = putVariables(document, env, only);
  if (missing.length > 0) throw new ConfigError(missing.map(({ offset, message }) => at(offset, message)));
  try {
    return { document, at, written: withoutEmpty(document.toJS() ?? {}) };
  } catch {
    throw new ConfigError([
      at(0, "the aliases in this file contain themselves or multiply too far; write the settings out"),
    ]);
  }
};

/** Throws ConfigError where the shared text is no block, has a setting that is not shared, or one that the file has too. */
const checkApart = (own: WrittenSettings, beside: WrittenSettings, settings: readonly string[]): void => {
  const { document, written, at } = beside;
  if (!isBlock(written))
    throw new ConfigError([at(0, `must be a block of settings: ${settings.join(", ")}`)]);
  const wrong = Object.keys(written).flatMap((name) => {
    const { offset } = locate(document, [name], "key");
    if (!settings.includes(name))
      return [at(offset, `${name} ${unknownSetting(name, { here: settings, elsewhere: undefined })}`)];
    const twice = isBlock(own.written) && own.written[name] !== undefined && written[name] !== undefined;
    return twice ? [at(offset, `${name} stands in the machine's own file too; keep it in one of them`)] : [];
  });
  if (wrong.length > 0) throw new ConfigError(wrong);
};

/** What keeps the text from being one YAML document. */
const syntaxProblems = (
  document: Document.Parsed,
): { readonly offset: number; readonly message: string }[] => {
  const found = [...document.errors, ...document.warnings].map(({ code, pos }) => ({
    offset: pos[0],
    message: SYNTAX[code] ?? `this is not valid YAML (${code})`,
  }));
  visit(document, {
    Alias: (_, alias) => {
      if (alias.resolve(document) !== undefined) return;
      found.push({ offset: startOf(alias) ?? 0, message: SYNTAX.BAD_ALIAS ?? "" });
    },
  });
  return found;
};

/**
 * A name with nothing after it (its lines commented out, say) gets its default, as if it were not written; one that is
 * no setting's is a problem still.
 */
const withoutEmpty = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(withoutEmpty);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, each]) => [name, each === null ? undefined : withoutEmpty(each)]),
  );
};

/** Without names that have nothing after them. */
const onlyWritten = (block: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> =>
  Object.fromEntries(Object.entries(block).filter(([, value]) => value !== undefined));

/**
 * Where a setting stands, and its name. What is missing is shown at the block that lacks it; what a schema made of a
 * plain value (a host's name read as a block with only a name) at that value. `point` says whether the last step's
 * name or its value is meant.
 */
const locate = (
  document: Document.Parsed,
  path: readonly PropertyKey[],
  point: "key" | "value" = "value",
): { readonly offset: number; readonly path: string } => {
  let node: unknown = document.contents;
  let offset = startOf(node) ?? 0;
  let shown = "";
  for (const [depth, step] of path.entries()) {
    if (isAlias(node)) node = node.resolve(document);
    if (isScalar(node)) break;
    // One block that stands for a list of it.
    if (isMap(node) && typeof step === "number") continue;
    shown += typeof step === "number" ? `[${step}]` : `${shown === "" ? "" : "."}${String(step)}`;
    const pair = isMap(node)
      ? node.items.find((each) => isScalar(each.key) && each.key.value === step)
      : undefined;
    const value = isSeq(node) && typeof step === "number" ? node.items[step] : pair?.value;
    const empty = value === null || (isScalar(value) && value.value === null);
    const nameMeant = pair !== undefined && (empty || (point === "key" && depth === path.length - 1));
    offset = startOf(nameMeant ? pair.key : value) ?? offset;
    node = value;
  }
  return { offset, path: shown };
};

const startOf = (node: unknown): number | undefined => (isNode(node) ? node.range?.[0] : undefined);
