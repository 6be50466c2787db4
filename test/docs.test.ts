/** The documents hold: the page of settings is what the schemas say, and every link between documents leads somewhere. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { describe, expect, it } from "vitest";
import { configurationPage, settingsOf } from "../docs/configuration.ts";
import { statusSchemaText } from "../docs/status-schema.ts";
import { edgeSettings } from "../edge-side/config/edge-config.ts";
import { originSettings } from "../origin-side/config/origin-config.ts";
import { parseConfig } from "../protocol/config/parse-config.ts";
import { fixturesIn, MADE_UP } from "./kit/config-fixtures.ts";

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

it("docs/status.schema.json is what the schema says; if not, run `npm run docs` and commit what it writes", () => {
  expect(read("docs/status.schema.json")).toBe(statusSchemaText());
});

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
  const near = {
    ...MADE_UP,
    read: (path: string) => MADE_UP.read(path.replace(/\.key$/, ".pem").replace("link.pem", "link.key")),
  };
  const files = readdirSync(join(ROOT, "examples"), { recursive: true, encoding: "utf8" }).filter(
    (name) => name.endsWith(".yaml") && !name.endsWith("compose.yaml") && !name.startsWith("prometheus"),
  );

  it("are found", () => expect(files.length).toBeGreaterThan(4));

  it.each(files)("%s can be used as it is", (name) => {
    const schema = name.endsWith("origin.yaml") ? originSettings(near) : edgeSettings(near);
    const parse = () => parseConfig<unknown>({ file: name, text: read(join("examples", name)), schema });
    expect(parse).not.toThrow();
  });
});
