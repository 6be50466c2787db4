/** `completion bash` on a command line: a script for the shell that knows its commands and options, made of the program itself. */
import { Argument, type Command } from "commander";
import { exampleOf, say } from "./cli.ts";

export const addCompletionCommand = (program: Command): void => {
  program
    .command("completion")
    .description("print the script by which a shell completes this command line")
    .addArgument(new Argument("<shell>", "which shell").choices(["bash"]))
    .addHelpText(
      "after",
      exampleOf(`${program.name()} completion bash > /etc/bash_completion.d/${program.name()}`),
    )
    .action(() => say(bashCompletion(program)));
};

/** @internal */
export const bashCompletion = (program: Command): string => {
  const name = program.name();
  const shell = `_${name.replaceAll("-", "_")}`;
  const cases = program.commands.map((command) => {
    const words = [
      ...command.options.flatMap(({ short, long }) => [short, long]),
      ...command.registeredArguments.flatMap(({ argChoices }) => argChoices ?? []),
      "--help",
    ].filter((word) => word !== undefined);
    return `    ${command.name()}) words="${words.join(" ")}" ;;`;
  });
  // What follows an option that takes a value, and whatever is no option, is the name of a file.
  return `${shell}() {
  local word=\${COMP_WORDS[COMP_CWORD]} words
  case \${COMP_WORDS[1]} in
${cases.join("\n")}
    *) words="" ;;
  esac
  if [ "$COMP_CWORD" -eq 1 ]; then
    words="${[...program.commands.map((command) => command.name()), "--help", "--version"].join(" ")}"
  fi
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}
complete -o default -F ${shell} ${name}`;
};
