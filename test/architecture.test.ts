// The tree keeps its shape: imports point one way, time and chance are arguments, one file knows ws, files stay readable.
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { describe, expect, it } from "vitest";

const ROOT = join(import.meta.dirname, "..");
const FOLDERS = ["protocol", "edge-side", "origin-side", "bench"] as const;
/** Of protocol/, edge-side/ and origin-side/; the bench may tell longer stories. */
const MOST_LINES = 300;

/** What each layer may import besides itself. A new folder needs a row. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  "protocol/kit": [],
  "protocol/versions": ["protocol/kit"],
  "protocol/wire": ["protocol/kit", "protocol/versions"],
  "protocol/delta": ["protocol/kit", "protocol/versions", "protocol/wire"],
  "protocol/link": ["protocol/kit", "protocol/versions", "protocol/wire"],
  "edge-side": ["protocol/kit", "protocol/versions", "protocol/wire", "protocol/delta", "protocol/link"],
  "origin-side": ["protocol/kit", "protocol/versions", "protocol/wire", "protocol/delta", "protocol/link"],
  bench: [
    "protocol/kit",
    "protocol/versions",
    "protocol/wire",
    "protocol/delta",
    "protocol/link",
    "edge-side",
    "origin-side",
  ],
};

const WS_IMPORTER = "protocol/link/ws-transport.ts";
const CLOCK = "protocol/kit/clock.ts";
/** Where a program begins, the machine's own date may be handed in. */
const MAIN = /(^|\/)main\.ts$/;

interface SourceFile {
  /** From the root, with slashes. */
  readonly path: string;
  readonly text: string;
  readonly imports: readonly string[];
}

/** `import ... from "x"`, `export ... from "x"`, `import "x"` and `import("x")`. */
const IMPORT = /(?:\bfrom\s*|\bimport\s*\(?\s*)(["'])([^"'\n]+)\1/g;

const importsOf = (text: string): string[] =>
  [...withoutComments(text).matchAll(IMPORT)].map(([, , specifier]) => specifier ?? "");

const withoutComments = (text: string): string =>
  text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/(^|[^:"'`])\/\/.*$/gm, "$1");

const filesUnder = (folder: string): SourceFile[] =>
  readdirSync(join(ROOT, folder), { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
    .map((entry) => {
      const full = join(entry.parentPath, entry.name);
      const text = readFileSync(full, "utf8");
      return { path: relative(ROOT, full).split(sep).join("/"), text, imports: importsOf(text) };
    });

/** "protocol/link/link.ts" is of layer "protocol/link", "bench/demo-site/site.ts" of "bench". */
const layerOf = (path: string): string => {
  const [top = "", second = ""] = path.split("/");
  return top === "protocol" ? `${top}/${second}` : top;
};

const FILES = FOLDERS.flatMap(filesUnder);
const relativeImports = (file: SourceFile): string[] =>
  file.imports
    .filter((specifier) => specifier.startsWith("."))
    .map((specifier) =>
      relative(ROOT, join(ROOT, dirname(file.path), specifier))
        .split(sep)
        .join("/"),
    );

describe("the source tree", () => {
  it("was found, with its imports", () => {
    for (const folder of FOLDERS) {
      expect(FILES.filter(({ path }) => path.startsWith(`${folder}/`)).length, folder).toBeGreaterThan(0);
    }
    expect(FILES.flatMap(relativeImports).length).toBeGreaterThan(50);
    expect(FILES.find(({ path }) => path === WS_IMPORTER)?.imports).toContain("ws");
    expect(FILES.find(({ path }) => path === CLOCK)?.text).toContain("setTimeout");
  });

  it("imports in one direction only", () => {
    const wrong = FILES.flatMap((file) => {
      const layer = layerOf(file.path);
      const allowed = MAY_IMPORT[layer];
      if (allowed === undefined)
        return [`${file.path}: no such layer, add it to MAY_IMPORT or move the file`];
      return relativeImports(file)
        .filter((target) => layerOf(target) !== layer && !allowed.includes(layerOf(target)))
        .map((target) => `${file.path} imports ${target}`);
    });
    expect(wrong).toEqual([]);
  });

  it("imports ws in one file", () => {
    const importers = FILES.filter(({ imports }) => imports.some((name) => /^ws(\/|$)/.test(name)));
    expect(importers.map(({ path }) => path)).toEqual([WS_IMPORTER]);
  });

  it("takes time and chance as arguments", () => {
    const date = /\bnew Date\(\)/;
    const machine = /\bDate\.now\b|\bsetTimeout\b|\bsetInterval\b|\bMath\.random\b/;
    const stopwatch = /\bperformance\.now\b|\bhrtime\b/;
    const asking = FILES.filter(({ path, text }) => {
      if (path === CLOCK) return false;
      const code = withoutComments(text);
      if (date.test(code) && !MAIN.test(path)) return true;
      return machine.test(code) || (!path.startsWith("bench/") && stopwatch.test(code));
    });
    expect(asking.map(({ path }) => path)).toEqual([]);
  });

  it(`has no file of more than ${MOST_LINES} lines`, () => {
    const long = FILES.filter(({ path }) => !path.startsWith("bench/"))
      .map(({ path, text }) => ({ path, lines: text.split("\n").length - 1 }))
      .filter(({ lines }) => lines > MOST_LINES);
    expect(long).toEqual([]);
  });
});

describe("the reading of imports", () => {
  it.each([
    { text: 'import { a } from "./a.ts";', imports: ["./a.ts"] },
    { text: "import type { A } from './a.ts';", imports: ["./a.ts"] },
    { text: 'import {\n  a,\n  b,\n} from "./a.ts";', imports: ["./a.ts"] },
    { text: 'import "./a.ts";', imports: ["./a.ts"] },
    { text: 'export * from "./a.ts";', imports: ["./a.ts"] },
    { text: 'const a = await import("./a.ts");', imports: ["./a.ts"] },
    { text: '// import { a } from "./a.ts";\n/* import "./b.ts" */', imports: [] },
    { text: 'const url = "http://x"; import b from "./b.ts"', imports: ["./b.ts"] },
  ])("$text", ({ text, imports }) => {
    expect(importsOf(text)).toEqual(imports);
  });
});
