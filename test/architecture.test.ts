// The tree keeps its shape: imports point one way, time and chance are arguments, one file knows ws, files stay readable.
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { describe, expect, it } from "vitest";

const ROOT = join(import.meta.dirname, "..");
const FOLDERS = ["protocol", "edge-side", "origin-side", "bench"] as const;
/** Of protocol/, edge-side/ and origin-side/; the bench may tell longer stories. */
const MOST_LINES = 300;

/** Source files in one folder; beyond this a folder has a part that wants one of its own. */
const MOST_FILES = 20;

/**
 * The level of each folder: a folder imports folders of lower levels only, those of its own side and of protocol/. A new folder
 * needs a row.
 */
const LEVELS: Readonly<Record<string, number>> = {
  protocol: 0,
  "protocol/runtime": 0,
  "protocol/redis": 1,
  "protocol/scope": 1,
  "protocol/pacing": 1,
  "protocol/wire": 2,
  "protocol/http": 2,
  "protocol/store": 2,
  "protocol/config": 2,
  "protocol/mixing": 3,
  "protocol/http2": 3,
  "protocol/headers": 3,
  "protocol/transport": 3,
  "protocol/admin": 3,
  "protocol/daemon": 4,
  "protocol/tier": 5,
  "protocol/tier/disk": 6,
  "protocol/tier/shared": 6,
  "protocol/tier/open": 7,
  "protocol/fleet": 6,
  "protocol/frames": 4,
  "protocol/upstream/connections": 5,
  "protocol/upstream/lenient": 4,
  "protocol/upstream": 6,
  "protocol/codec": 5,
  "protocol/link": 5,
  "edge-side/config": 10,
  "edge-side/bases": 10,
  "edge-side/bases/common": 11,
  "edge-side/exchange": 11,
  "edge-side/command": 11,
  "edge-side/links": 11,
  "edge-side/answer": 12,
  "edge-side/dictionaries": 12,
  "edge-side/http/parser": 11,
  "edge-side/http/errors": 11,
  "edge-side/http/connections": 11,
  "edge-side/http": 12,
  "edge-side/compress": 13,
  "edge-side/upstream": 13,
  "edge-side/request": 13,
  "edge-side/proxy": 14,
  "edge-side/run": 15,
  "edge-side": 16,
  "origin-side/config": 10,
  "origin-side/exchange": 11,
  "origin-side/answer/coding": 12,
  "origin-side/answer": 13,
  "origin-side/request": 12,
  "origin-side/upstream": 13,
  "origin-side/links": 13,
  "origin-side/command": 14,
  "origin-side/proxy": 14,
  "origin-side/run": 15,
  "origin-side": 16,
  "bench/report": 20,
  "bench/rig": 20,
  "bench/demo-site": 21,
  "bench/browsers": 22,
  "bench/corpus": 22,
  "bench/codec": 23,
  "bench/demo-run": 23,
  "bench/events": 23,
  "bench/failover": 24,
  "bench/fleet-config": 23,
  "bench/fleet": 24,
  "bench/frameworks": 23,
  "bench/frameworks/apps": 22,
  "bench/pair": 23,
  "bench/places": 23,
  "bench/replay": 23,
  "bench/attack": 24,
  "bench/restart": 24,
  "bench/try": 24,
  bench: 25,
};

const WS_IMPORTER = "protocol/transport/ws-transport.ts";
const CLOCK = "protocol/runtime/clock.ts";
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

const FILES = FOLDERS.flatMap(filesUnder);
const relativeImports = (file: SourceFile): string[] =>
  file.imports
    .filter((specifier) => specifier.startsWith("."))
    .map((specifier) =>
      relative(ROOT, join(ROOT, dirname(file.path), specifier))
        .split(sep)
        .join("/"),
    );

/** The top folder: a side, protocol/ or bench/. */
const sideOf = (path: string): string => path.split("/")[0] ?? "";

const isOpenTo = (side: string, other: string): boolean =>
  other === side || other === "protocol" || side === "bench";

/** Every group of nodes that reach each other (Tarjan's strongly connected components), each sorted. */
const circlesIn = (edges: ReadonlyMap<string, readonly string[]>): string[][] => {
  const order = new Map<string, number>();
  const stack: string[] = [];
  const circles: string[][] = [];
  const visit = (node: string): number => {
    order.set(node, order.size);
    let low = order.get(node) as number;
    stack.push(node);
    for (const next of edges.get(node) ?? []) {
      if (!edges.has(next)) continue;
      if (!order.has(next)) low = Math.min(low, visit(next));
      else if (stack.includes(next)) low = Math.min(low, order.get(next) as number);
    }
    if (low === order.get(node)) {
      const circle = stack.splice(stack.indexOf(node));
      if (circle.length > 1) circles.push(circle.sort());
    }
    return low;
  };
  for (const node of edges.keys()) if (!order.has(node)) visit(node);
  return circles;
};

describe("the source tree", () => {
  it("was found, with its imports", () => {
    for (const folder of FOLDERS) {
      expect(FILES.filter(({ path }) => path.startsWith(`${folder}/`)).length, folder).toBeGreaterThan(0);
    }
    expect(FILES.flatMap(relativeImports).length).toBeGreaterThan(50);
    expect(FILES.find(({ path }) => path === WS_IMPORTER)?.imports).toContain("ws");
    expect(FILES.find(({ path }) => path === CLOCK)?.text).toContain("setTimeout");
  });

  it("imports folders of lower levels only, and neither side the other", () => {
    const wrong = FILES.flatMap((file) => {
      const folder = dirname(file.path);
      const level = LEVELS[folder];
      if (level === undefined) return [`${folder} has no level: add it to LEVELS, or move ${file.path}`];
      return relativeImports(file)
        .filter((target) => dirname(target) !== folder)
        .filter(
          (target) =>
            (LEVELS[dirname(target)] ?? level) >= level || !isOpenTo(sideOf(file.path), sideOf(target)),
        )
        .map((target) => `${file.path} imports ${target}`);
    });
    expect(wrong).toEqual([]);
  });

  it("has a level for every folder, and no level for a folder that is gone", () => {
    expect(Object.keys(LEVELS).sort()).toEqual([...new Set(FILES.map(({ path }) => dirname(path)))].sort());
  });

  it("has the levels that docs/architecture.md shows", () => {
    const page = readFileSync(join(ROOT, "docs/architecture.md"), "utf8");
    const shown = new Map(
      [...page.matchAll(/^\| `([^`]+)` \| (\d+) \|/gm)].map(([, folder = "", level]) => [
        folder,
        Number(level),
      ]),
    );
    const toChange = [
      ...Object.entries(LEVELS).flatMap(([folder, level]) => {
        if (!shown.has(folder)) return [`add a row: | \`${folder}\` | ${level} | what it is for |`];
        return shown.get(folder) === level
          ? []
          : [`the level of ${folder} is ${level}, not ${shown.get(folder)}`];
      }),
      ...[...shown.keys()]
        .filter((folder) => !(folder in LEVELS))
        .map((folder) => `take out the row of ${folder}`),
    ];
    expect(toChange, "in the table of docs/architecture.md").toEqual([]);
  });

  it("has no circle of imports among files", () => {
    expect(circlesIn(new Map(FILES.map((file) => [file.path, relativeImports(file)])))).toEqual([]);
  });

  it("has no circle of imports among folders", () => {
    const imports = new Map<string, string[]>();
    for (const file of FILES) {
      const folder = dirname(file.path);
      const others = relativeImports(file)
        .map(dirname)
        .filter((other) => other !== folder);
      imports.set(folder, [...(imports.get(folder) ?? []), ...others]);
    }
    expect(circlesIn(imports)).toEqual([]);
  });

  it(`has no folder of more than ${MOST_FILES} files`, () => {
    const files = Map.groupBy(
      FILES.filter(({ path }) => !path.startsWith("bench/")),
      ({ path }) => dirname(path),
    );
    expect([...files].filter(([, { length }]) => length > MOST_FILES)).toEqual([]);
  });

  it("imports ws in one file", () => {
    const importers = FILES.filter(({ imports }) => imports.some((name) => /^ws(\/|$)/.test(name)));
    expect(importers.map(({ path }) => path)).toEqual([WS_IMPORTER]);
  });

  it("touches the disk for configurations, logs and what it was told to write, and for pages where a file is set for them", () => {
    const files = FILES.filter(
      ({ path, imports }) => !path.startsWith("bench/") && imports.some((name) => /^node:fs\b/.test(name)),
    );
    expect(files.map(({ path }) => path).toSorted()).toEqual([
      "edge-side/command/pair.ts",
      "edge-side/command/saved.ts",
      "protocol/admin/serve-admin.ts",
      "protocol/config/config-file.ts",
      "protocol/daemon/access-log.ts",
      "protocol/daemon/cli.ts",
      "protocol/daemon/findings.ts",
      "protocol/daemon/private-file.ts",
      "protocol/runtime/descriptors.ts",
      "protocol/tier/disk/disk-tier.ts",
      "protocol/tier/disk/schema.ts",
      "protocol/tier/store-key.ts",
    ]);
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

describe("the search for circles", () => {
  it.each([
    { edges: { a: ["b"], b: ["c"], c: [] }, circles: [] },
    { edges: { a: ["b"], b: ["a"], c: ["a"] }, circles: [["a", "b"]] },
    {
      edges: { a: ["b"], b: ["c"], c: ["a"], d: ["e"], e: ["d", "a"] },
      circles: [
        ["a", "b", "c"],
        ["d", "e"],
      ],
    },
    { edges: { a: ["b", "elsewhere"], b: [] }, circles: [] },
  ])("$edges", ({ edges, circles }) => {
    expect(circlesIn(new Map(Object.entries(edges)))).toEqual(circles);
  });
});

/** What the kit and the bench have for starting a process, beside Node's own module. */
const STARTING =
  /\b(openScene|runCommand|startCommand|startScript|startBrowser|openBrowserScene|startOutside|startDaemon|startProgram|startRedis|measurePlaces|measureClosing|startPairWay|runSoak|startApplication|killAgainAndAgain|measureFleetConfig)\(/;
const startsProcesses = ({ text, imports }: SourceFile): boolean =>
  imports.includes("node:child_process") || STARTING.test(text);

describe("the tests", () => {
  it("that start processes, and no others, are named *.system.test.ts", () => {
    const tests = filesUnder("test").filter(({ path }) => path.endsWith(".test.ts"));
    const named = tests.filter(({ path }) => path.endsWith(".system.test.ts")).map(({ path }) => path);
    const start = tests.filter(startsProcesses).map(({ path }) => path);
    expect(named.length).toBeGreaterThan(10);
    expect(start.sort()).toEqual(named.sort());
  });
});
