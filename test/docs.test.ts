// biome-ignore-all lint/suspicious/noTemplateCurlyInString: texts of config files
/** The documents hold: the page of settings is what the schemas say, and every link between documents leads somewhere. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { z } from "zod";
import { configurationPage, settingsOf } from "../docs/configuration.ts";
import { statusSchemaText } from "../docs/status-schema.ts";
import { edgeSettings } from "../edge-side/config/edge-config.ts";
import { originSettings } from "../origin-side/config/origin-config.ts";
import { jsonSchema, schemaText } from "../protocol/config/json-schema.ts";
import { parseConfig } from "../protocol/config/parse-config.ts";
import { FIXTURE_SECRET, fixturesIn, MADE_UP } from "./kit/config-fixtures.ts";

const ROOT = join(import.meta.dirname, "..");
const read = (path: string): string => readFileSync(join(ROOT, path), "utf8");

describe("docs/configuration.md", () => {
  it("is what the schemas say; if not, run `npm run docs` and commit what it writes", () => {
    expect(read("docs/configuration.md")).toBe(configurationPage());
  });

  it.each(["edge.yaml", "origin.yaml"] as const)("has a meaning for every setting of %s", (file) => {
    const settings = settingsOf(file);
    expect(settings.length).toBeGreaterThan(40);
    const silent = settings.filter(({ meaning }) => !meaning).map(({ path }) => path);
    expect(silent, "give these a .describe() in the schema").toEqual([]);
  });

  it.each(["edge", "origin"] as const)("has the defaults of %s.yaml that the fixture has", (side) => {
    const [fixture] = fixturesIn("valid", side).filter(({ name }) => name === "every-setting-at-its-default");
    // Names that stand once in the fixture, with their plain values.
    const written = [...(fixture?.text ?? "").matchAll(/^ *(\w+): ([\w/ ]+)$/gm)].map(([, name, value]) => ({
      name,
      value,
    }));
    const shown = settingsOf(`${side}.yaml`);
    const checked = written.flatMap(({ name, value }) => {
      const rows = shown.filter(
        ({ path, fallback }) => path.split(".").at(-1) === name && fallback !== undefined,
      );
      return rows.length === 1 ? [{ name, value, fallback: rows[0]?.fallback }] : [];
    });
    expect(checked.length).toBeGreaterThan(15);
    expect(checked.filter(({ value, fallback }) => value !== fallback)).toEqual([]);
  });
});

/** Names of settings as the page has them, `[]` behind lists, of all that stands in a file; a block may stand for a list of it. */
function* namesIn(value: unknown, above = ""): Generator<string> {
  if (Array.isArray(value)) for (const each of value) yield* namesIn(each, `${above}[]`);
  else if (typeof value === "object" && value !== null)
    for (const [name, each] of Object.entries(value)) {
      const path = above === "" ? name : `${above}.${name}`;
      yield path;
      yield* namesIn(each, path);
      if (!Array.isArray(each)) yield* namesIn([each], path);
    }
}

it.each(["edge", "origin"] as const)(
  "every setting of %s.yaml stands in a file that a test reads",
  (side) => {
    const used = new Set(fixturesIn("valid", side).flatMap(({ text }) => [...namesIn(parse(text))]));
    const unused = settingsOf(`${side}.yaml`).filter(({ path }) => !used.has(path));
    expect(
      unused.map(({ path }) => path),
      "use these in a file of test/fixtures/config/valid",
    ).toEqual([]);
  },
);

it("docs/status.schema.json is what the schema says; if not, run `npm run docs` and commit what it writes", () => {
  expect(read("docs/status.schema.json")).toBe(statusSchemaText());
});

describe.each([
  ["edge", edgeSettings],
  ["origin", originSettings],
] as const)("docs/%s.schema.json", (side, schemaFor) => {
  it("is what the schema says; if not, run `npm run docs` and commit what it writes", () => {
    expect(read(`docs/${side}.schema.json`)).toBe(schemaText(schemaFor));
  });

  it("says of each setting what it means", () => {
    const silent: string[] = [];
    const look = (node: z.core.JSONSchema.BaseSchema, path: string) => {
      for (const [name, each] of Object.entries(node.properties ?? {})) {
        if (typeof each === "boolean") continue;
        if (!each.description) silent.push(`${path}${name}`);
        look(each, `${path}${name}.`);
      }
      for (const each of [node.items, node.anyOf, node.oneOf].flat())
        if (typeof each === "object") look(each as z.core.JSONSchema.BaseSchema, path);
    };
    look(jsonSchema(schemaFor), "");
    expect(silent, "give these a .describe() in the schema").toEqual([]);
  });

  const valid = z.fromJSONSchema(JSON.parse(read(`docs/${side}.schema.json`)));
  const takes = (text: string) => valid.safeParse(withoutEmpty(parse(text))).success;

  it.each(fixturesIn("valid", side))("takes the fixture $name", ({ text }) => {
    expect(valid.safeParse(withoutEmpty(parse(text))).error?.issues ?? []).toEqual([]);
  });

  it("takes a variable in the place of any value, and refuses what is no setting, no number, no size", () => {
    const rest = parse(fixturesIn("valid", side).find(({ name }) => name === "shortest")?.text ?? "");
    const withStore = (store: unknown) => takes(JSON.stringify({ ...rest, store }));
    const withStreams = (streamsPerLink: unknown) =>
      takes(JSON.stringify({ ...rest, limits: { streamsPerLink } }));
    expect([
      withStore({ size: "64 MiB" }),
      withStore({ size: "${SIZE}" }),
      withStreams(8),
      withStreams("${N:-8}"),
    ]).toEqual([true, true, true, true]);
    expect([
      withStore({ size: "64" }),
      withStore({ sise: "64 MiB" }),
      withStreams("many"),
      withStore([]),
    ]).toEqual([false, false, false, false]);
  });
});

/** A name with nothing after it counts as not written; editors may mark it. */
const withoutEmpty = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value, (_, each: unknown) => (each === null ? undefined : each)));

describe("links between documents", () => {
  const pages = [
    ...readdirSync(ROOT).filter((name) => name.endsWith(".md")),
    ...["docs", "examples", "bench", "protocol", ".github"].flatMap((folder) =>
      readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
        .filter((name) => name.endsWith(".md"))
        .map((name) => join(folder, name)),
    ),
  ];
  /** As GitHub makes them of headings. */
  const anchorsOf = (text: string): string[] =>
    [...text.matchAll(/^#+ (.+)$/gm)].map(([, title = ""]) =>
      title
        .toLowerCase()
        .replace(/[^\w\- ]/g, "")
        .replaceAll(" ", "-"),
    );

  it("are looked for in many pages", () => expect(pages.length).toBeGreaterThan(15));

  it.each(pages)("of %s lead somewhere", (page) => {
    const links = [...read(page).matchAll(/\]\((?!https?:|mailto:)([^)\s]+)\)/g)].map(
      ([, link = ""]) => link,
    );
    const broken = links.filter((link) => {
      const [path = "", anchor] = link.split("#");
      const target = path === "" ? page : relative(ROOT, join(ROOT, dirname(page), path));
      if (!existsSync(join(ROOT, target))) return true;
      return anchor !== undefined && !anchorsOf(read(target)).includes(anchor);
    });
    expect(broken).toEqual([]);
  });
});

describe("the example configurations", () => {
  const files = readdirSync(join(ROOT, "examples"), { recursive: true, encoding: "utf8" }).filter(
    (name) => name.endsWith(".yaml") && !name.endsWith("compose.yaml") && !name.startsWith("prometheus"),
  );

  it("are found", () => expect(files.length).toBeGreaterThan(4));

  it.each(files)("%s can be used as it is", (name) => {
    const schema = name.endsWith("origin.yaml") ? originSettings(MADE_UP) : edgeSettings(MADE_UP);
    const parse = () =>
      parseConfig<unknown>({
        file: name,
        text: read(join("examples", name)),
        schema,
        env: { LINK_SECRET: FIXTURE_SECRET },
      });
    expect(parse).not.toThrow();
  });
});
