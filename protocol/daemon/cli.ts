/**
 * What the command lines of both daemons share: a program with --help and --version, and how a command ends. Exit
 * codes: 0 done, 1 it did not work, 2 the command was not understood. What a person can put right is told in one text
 * without a stack; only an error of ours shows where it happened. Nothing printed holds a secret.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Command, CommanderError, Help, Option } from "commander";
import { ConfigError } from "../config/parse-config.ts";
import { withoutSecrets } from "../runtime/redact.ts";
import { codeOf } from "../runtime/user-error.ts";
import { hanging } from "./text-table.ts";

export const EXIT = { done: 0, failed: 1, notUnderstood: 2 } as const;

/** A reader that has seen enough, such as `| head -3`, is no error of ours. */
const readerLeft = (error: Error): void => {
  if (codeOf(error) === "EPIPE") process.exit(EXIT.done);
  throw error;
};

const heedReader = (): void => {
  if (!process.stdout.listeners("error").includes(readerLeft)) process.stdout.on("error", readerLeft);
};

/** One line on standard output. */
export const say = (line: string): void => {
  heedReader();
  process.stdout.write(`${withoutSecrets(line)}\n`);
};

/** Lines that begin with a label of so many characters: within a terminal as wide as it is, else each as one, for other programs. */
export const sayLabelled = (lines: string, label: number): void => {
  const { isTTY, columns } = process.stdout;
  say(isTTY && columns > 0 ? hanging(lines, label, columns) : lines);
};

/** One line on standard error. */
const complain = (line: string): void => {
  process.stderr.write(`${withoutSecrets(line)}\n`);
};

export const programNamed = (name: string, description: string): Command =>
  new Command(name)
    .description(description)
    .version(ownVersion(), "-V, --version", "print the version")
    .configureOutput({
      writeOut: (text) => {
        heedReader();
        process.stdout.write(text);
      },
      writeErr: (text) => process.stderr.write(withoutSecrets(text)),
    })
    .exitOverride();

/** The config file of a daemon: named by the option, or by the environment unless the variable is empty, or `normally`. */
export const configOption = (normally: string): Option =>
  new Option("-c, --config <file>", "the config file")
    .default(normally)
    .env("COILGUN_CONFIG")
    .argParser((file) => file || normally);

const GATHERING = new WeakSet<object>();

/** Marks the parser of an option that may be given several times, each time with what it made of those before. */
export const gathering = <Parse extends (text: string, before: never) => unknown>(parse: Parse): Parse => {
  GATHERING.add(parse);
  return parse;
};

/** What stands below a command's help: how it is used. */
export const exampleOf = (...lines: readonly string[]): string =>
  ["", "Example:", ...lines.map((line) => `  ${line}`)].join("\n");

/**
 * Runs the command that `words` (without node and script) ask for. An action sets `process.exitCode` itself when it
 * has done its work and the answer is no.
 */
export const runProgram = async (program: Command, words: readonly string[]): Promise<void> => {
  prepare(program, program.name());
  try {
    await program.parseAsync(words, { from: "user" });
  } catch (error) {
    process.exitCode = exitCodeOf(program.name(), error);
  }
};

/** What is not understood ends with where the command that it was said to is explained. That a flag is not given says nothing. */
const prepare = (command: Command, path: string): void => {
  command.showHelpAfterError(`(${path} --help shows what there is)`);
  command.configureHelp({ optionDescription: withoutFalse });
  for (const option of command.options) refuseSlips(command, option);
  for (const each of command.commands) prepare(each, `${path} ${each.name()}`);
};

/** A value that displaces an earlier one unseen, none at all, as an unset variable of a script leaves, and the next option in its place. */
const refuseSlips = (command: Command, option: Option): void => {
  if (!option.required) return;
  let before: string | undefined;
  command.on(`option:${option.name()}`, (value: string) => {
    if (value === "") command.error(`error: option '${option.flags}' is empty`);
    if (value.startsWith("--")) command.error(`error: option '${option.flags}' has no value before ${value}`);
    if (before !== undefined && !GATHERING.has(option.parseArg ?? command))
      command.error(`error: option '${option.flags}' is given twice, as ${before} and ${value}`);
    before = value;
  });
};

const withoutFalse = (option: Option): string =>
  option.isBoolean() && option.defaultValue === false
    ? option.description
    : new Help().optionDescription(option);

const exitCodeOf = (name: string, error: unknown): number => {
  // commander has said all there is to say, on the right stream.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.notUnderstood;
  complain(error instanceof ConfigError ? error.message : `${name}: ${complaintText(error)}`);
  return EXIT.failed;
};

// Errors that Node or a colleague named are about the world; the rest are our own mistakes, and need their stack.
const BUGS = new Set(["Error", "TypeError", "RangeError", "ReferenceError", "SyntaxError", "AssertionError"]);

const complaintText = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error);
  return BUGS.has(codeOf(error)) ? (error.stack ?? error.message) : error.message;
};

/** The version of the package that this file is part of; it runs both from the source tree and from dist/. */
export const ownVersion = (): string => {
  for (const up of ["../..", "../../.."]) {
    try {
      const found: unknown = JSON.parse(readFileSync(join(import.meta.dirname, up, "package.json"), "utf8"));
      if (typeof found === "object" && found !== null && "version" in found) return String(found.version);
    } catch (error) {
      if (codeOf(error) !== "ENOENT") throw error;
    }
  }
  return "unknown";
};
