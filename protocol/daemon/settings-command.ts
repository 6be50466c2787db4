/** `settings` on either side's command line: the reference of the config file, or its JSON Schema for editors. */
import type { Command } from "commander";
import { ANYWHERE } from "../config/config-file.ts";
import { closest } from "../config/did-you-mean.ts";
import { schemaText } from "../config/json-schema.ts";
import type { SchemaFor } from "../config/parse-config.ts";
import { type DocumentedSetting, settingsOfSchema } from "../config/reference.ts";
import { Complaint } from "../runtime/user-error.ts";
import { exampleOf, say } from "./cli.ts";

export const addSettingsCommand = (program: Command, schemaFor: SchemaFor<unknown>): void => {
  program
    .command("settings")
    .description("say what the config file may hold: every setting, its default and meaning")
    .argument("[name]", "only this setting and what is below it, such as store")
    .option("--json", "the JSON Schema of the file, for editors", false)
    .addHelpText("after", exampleOf(`${program.name()} settings store`))
    .action((name: string | undefined, { json }: { json: boolean }) => {
      if (json) return say(schemaText(schemaFor).trimEnd());
      for (const line of settingsText(settingsOfSchema(schemaFor(ANYWHERE)), name)) say(line);
    });
};

/** Throws Complaint where there is none of that name. */
const settingsText = (all: readonly DocumentedSetting[], name: string | undefined): readonly string[] => {
  const wanted = all.filter(({ path }) => name === undefined || isBelow(path, name));
  if (wanted.length === 0) throw new Complaint(`there is no setting ${name}; ${hintFor(all, name ?? "")}`);
  return wanted.flatMap((each) => [`${each.path}  ${formOf(each)}`, `    ${each.meaning ?? ""}`]);
};

const hintFor = (all: readonly DocumentedSetting[], name: string): string => {
  const parts = (path: string) => path.replaceAll("[]", "").split(".");
  const depth = parts(name).length;
  const near = closest(
    parts(name).join("."),
    all
      .map(({ path }) => parts(path))
      .filter((each) => each.length >= depth)
      .map((each) => each.slice(-depth).join(".")),
  );
  return near === undefined ? "without a name, all are listed" : `did you mean ${near}?`;
};

/** `hosts`, `keys.hosts` and `keys[].hosts` name `keys[].hosts` and what is below it. */
const isBelow = (path: string, name: string): boolean => {
  const plain = (text: string) => `.${text.replaceAll("[]", "").replace(/\[\d+\]/g, "")}.`;
  return plain(path).includes(plain(name));
};

const formOf = ({ form, fallback, required }: DocumentedSetting): string => {
  const without = required ? ", required" : "";
  return `(${form.replaceAll("`", "")}${fallback === undefined ? without : `; default ${fallback}`})`;
};
