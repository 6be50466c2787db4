// test/trace/instrument.ts: every kind of function is entered once a call, and does what it did.
import { describe, expect, it } from "vitest";
import { ENTERED, instrument, type TracedFunction } from "./instrument.ts";

/** Runs a module whose default export is a function, as text; resolves with what it returned and what was entered. */
const run = async (source: string): Promise<{ returned: unknown; entered: string[] }> => {
  const functions: TracedFunction[] = [];
  const entered: string[] = [];
  const text = instrument(source, "made.ts", (traced) => functions.push(traced) - 1);
  Object.assign(globalThis, {
    [ENTERED]: (id: number) => {
      const { name, line } = functions[id] ?? { name: "unknown", line: 0 };
      entered.push(`${name}:${line}`);
    },
  });
  const module = (await import(
    /* @vite-ignore */ `data:text/javascript,${encodeURIComponent(text)}#${Math.random()}`
  )) as {
    default: () => unknown;
  };
  return { returned: await module.default(), entered };
};

describe("the entry of a function is told", () => {
  it.each([
    {
      kind: "a declaration and an expression",
      source: "export default function f() {\n  const g = function () { return 1; };\n  return g();\n}",
      returned: 1,
      entered: ["f:1", "f > g:2"],
    },
    {
      kind: "arrows with expressions, of each other",
      source: "const add = (a) => (b) => a + b;\nexport default () => add(1)(2);",
      returned: 3,
      entered: ["(closure):2", "add:1", "add > (closure):1"],
    },
    {
      kind: "an arrow that returns an object, or a comma's right side",
      source: "const o = () => ({ a: 1 }), c = () => (0, 2);\nexport default () => o().a + c();",
      returned: 3,
      entered: ["(closure):2", "o:1", "c:1"],
    },
    {
      kind: "methods, accessors, constructors, private ones, fields",
      source: [
        "class A { constructor() { this.base = 1; } }",
        "class B extends A {",
        "  field = () => this.#hidden();",
        "  constructor() { super(); }",
        "  #hidden() { return this.base; }",
        "  get value() { return this.field(); }",
        "  set value(to) { this.base = to; }",
        "}",
        "export default () => { const b = new B(); b.value = 4; return b.value; };",
      ].join("\n"),
      returned: 4,
      entered: [
        "(closure):9",
        "constructor:4",
        "constructor:1",
        "value:7",
        "value:6",
        "field:3",
        "#hidden:5",
      ],
    },
    {
      kind: "async functions and generators, when their bodies begin",
      source: [
        "function* g() { yield* [1, 2]; }",
        "async function* a() { for (const x of g()) yield x; }",
        "const wait = async () => await 3;",
        "export default async () => { let sum = await wait(); for await (const x of a()) sum += x; return sum; };",
      ].join("\n"),
      returned: 6,
      entered: ["(closure):4", "wait:3", "a:2", "g:1"],
    },
    {
      kind: "defaults of parameters, and callbacks",
      source: "const f = (x = (() => 5)()) => x;\nexport default () => [1].map((n) => n + f())[0];",
      returned: 6,
      entered: ["(closure):2", "(closure) > (closure):2", "f > (closure):1", "f:1"],
    },
  ])("$kind", async ({ source, returned, entered }) => {
    expect(await run(source)).toEqual({ returned, entered });
  });
});

it("leaves every line where it was", () => {
  const source = "const a = () =>\n  1;\n\nfunction b() {\n  return a();\n}\n";
  const text = instrument(source, "made.ts", () => 0);
  expect(text.split("\n").length).toBe(source.split("\n").length);
  expect(text.split("\n")[4]).toBe("  return a();");
});

it("refuses what it cannot read, rather than leaving it out", () => {
  expect(() => instrument("const = 1", "made.ts", () => 0)).toThrow(SyntaxError);
});
