/**
 * docs/configuration.md, made of the schemas that read `edge.yaml` and `origin.yaml`. `npm run docs` writes it; test/docs.test.ts compares.
 */
import { edgeSettings } from "../edge-side/config/edge-config.ts";
import { originSettings } from "../origin-side/config/origin-config.ts";
import { surroundingsOf } from "../protocol/config/config-file.ts";
import { code, type DocumentedSetting, settingsOfSchema } from "../protocol/config/reference.ts";

const schemas = { "edge.yaml": edgeSettings, "origin.yaml": originSettings } as const;

/** Every setting of one of the files. */
export const settingsOf = (file: keyof typeof schemas): readonly DocumentedSetting[] =>
  settingsOfSchema(schemas[file](surroundingsOf(`/${file}`)));

const tableOf = (settings: readonly DocumentedSetting[]): string =>
  [
    "| setting | default | what may be written | meaning |",
    "|---|---|---|---|",
    ...settings.map(({ path, fallback, required, form, meaning }) => {
      const without = required ? "required" : "";
      return `| ${code(path)} | ${fallback === undefined ? without : code(fallback)} | ${form} | ${meaning ?? ""} |`;
    }),
  ].join("\n");

/** The whole page. */
export const configurationPage = (): string => `# Configuration

<!-- Made by \`npm run docs\` from the schemas; change them, not this page. -->

Every setting of \`edge.yaml\` and \`origin.yaml\`. Both are YAML. A file with a mistake is refused as a whole, with every mistake at
once, by line; \`check\` tells without starting. \`required\` means: where its block is written.

- *Size*: a number and \`B\`, \`KiB\`, \`MiB\` or \`GiB\`, in steps of 1024, such as \`256 MiB\`.
- *Time*: a number and \`ms\`, \`s\`, \`m\`, \`h\` or \`d\`, such as \`30s\`; 24 days at most.
- *host:port*: an IPv6 address stands in brackets, as in \`[::1]:8080\`.
- Names of files are relative to the folder of the config file.
- \`[]\` stands for each element of a list. A list with one element of \`visitors\` may stand without the list.
- Within a value \`\${NAME}\` is a variable of the environment, and \`\${NAME:-what else}\` one that may be missing or empty, as in compose files:
  \`secret: \${LINK_SECRET}\`. \`$\${\` stands for the two characters. In braces (\`{ secret: "\${LINK_SECRET}" }\`) it needs quotes.

\`coilgun-edge settings\` and \`coilgun-origin settings\` print this page's tables, \`settings keys\` a part of them. Editors check and complete both files by
[edge.schema.json](edge.schema.json) and [origin.schema.json](origin.schema.json) (\`settings --json\`), named in the file's first line:
\`# yaml-language-server: $schema=./edge.schema.json\`.

What changes at SIGHUP and what by a restart only is in [operations.md](operations.md).

## edge.yaml

${tableOf(settingsOf("edge.yaml"))}

## origin.yaml

${tableOf(settingsOf("origin.yaml"))}
`;
