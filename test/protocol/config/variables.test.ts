// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these are the texts of config files
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { ConfigError, parseConfig } from "../../../protocol/config/parse-config.ts";

const read = (text: string, env: NodeJS.ProcessEnv = {}): unknown =>
  parseConfig<unknown>({ file: "edge.yaml", text, schema: z.unknown(), env });

const problemsOf = (text: string, env: NodeJS.ProcessEnv = {}) => {
  try {
    read(text, env);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
  }
  return "";
};

describe("a variable of the environment in a config", () => {
  it.each([
    ["a: ${X}", { X: "text" }, { a: "text" }],
    ["a: ./${X}/link.key", { X: "run" }, { a: "./run/link.key" }],
    ["a: { b: ['${X}', \"${Y}\"] }", { X: "1", Y: "2" }, { a: { b: ["1", "2"] } }],
    ["a: ${X:-8080}", {}, { a: 8080 }],
    ["a: ${X:-8080}", { X: "" }, { a: 8080 }],
    ["a: ${X:-}", {}, { a: "" }],
    ["a: ${X:-0.0.0.0:80}", { X: "[::]:80" }, { a: "[::]:80" }],
    ["a: ${N}\nb: '${N}'\nc: ${T}", { N: "64", T: "true" }, { a: 64, b: "64", c: true }],
    ["a: $${X} $X $ {X}", { X: "text" }, { a: "${X} $X $ {X}" }],
    ["${X}: 1", { X: "text" }, { "${X}": 1 }],
  ])("%j is put in", (text, env, value) => {
    expect(read(text, env)).toEqual(value);
  });

  it("adds no setting and no further variable, whatever is in it", () => {
    const env = { X: "x\nadmin: ./mine.sock", Y: "{ a: 1 }", Z: "${X}" };
    expect(read("a: ${X}\nb: ${Y}\nc: ${Z}", env)).toEqual({ a: env.X, b: env.Y, c: env.Z });
  });

  it("that is missing is told by setting and line, all at once, and no value is shown", () => {
    const env = { OTHER: "hidden" };
    expect(problemsOf("a: 1\nb:\n  - c: ${OTHER} ${SECRET}\nd: ${lost", env)).toBe(
      "edge.yaml:3:8: b[0].c needs the environment variable SECRET; set it, or write ${SECRET:-what else}\n" +
        "edge.yaml:4:4: d holds ${ but no variable; write ${NAME}, or $${ for these two characters",
    );
  });
});
