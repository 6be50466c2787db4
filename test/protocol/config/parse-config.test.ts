import { describe, expect, it } from "vitest";
import { z } from "zod";
import { ConfigError, parseConfig } from "../../../protocol/config/parse-config.ts";
import { block, count, size } from "../../../protocol/config/schema.ts";

const schema = block({
  name: z.string(),
  room: block({
    size: size("1 MiB", { least: "1 KiB", most: "1 GiB" }),
    seats: count(2, { least: 1, most: 9 }),
  }).prefault({}),
  list: z.array(z.string()).prefault([]),
});

const problemsOf = (text: string): readonly string[] => {
  try {
    parseConfig({ file: "c.yaml", text, schema });
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.message.split("\n");
  }
};

describe("a valid config", () => {
  it("comes out without holes", () => {
    expect(parseConfig({ file: "c.yaml", text: "name: a", schema })).toEqual({
      name: "a",
      room: { size: 2 ** 20, seats: 2 },
      list: [],
    });
  });

  it("may use anchors, and lines as Windows ends them", () => {
    const text = "name: &n a\r\nlist:\r\n  - *n\r\n  - b\r\n";
    expect(parseConfig({ file: "c.yaml", text, schema }).list).toEqual(["a", "b"]);
  });

  it.each(["room:", "room: ~", "room: { size: }", "list:"])("has the defaults for %j", (text) => {
    expect(parseConfig({ file: "c.yaml", text: `name: a\n${text}`, schema }).room.size).toBe(2 ** 20);
  });
});

describe("problems", () => {
  it.each<[string, string, ...string[]]>([
    ["a missing setting, at its block", "list: []", "1:1: name is missing"],
    ["an emptied setting, at its name", "list: []\nname:", "2:1: name is missing"],
    ["a wrong kind", "name: [a]", "1:7: name must be text, not a list"],
    ["a wrong kind inside a list", "name: a\nlist: [a, 2]", "2:11: list[1] must be text, not a number"],
    ["nothing inside a list", "name: a\nlist: [a, ~]", "2:11: list[1] must be text, not nothing"],
    ...["1.5", "10", "0", "1e99", ".nan", "'5'", "many", "[]", "{}"].map(
      (written): [string, string, string] => [
        `${written} for a number, which says what may be written`,
        `name: a\nroom: { seats: ${written} }`,
        "2:16: room.seats must be a whole number from 1 to 9",
      ],
    ),
    [
      "an unknown name with nothing behind it",
      "name: a\nroom:\n  sise:\n  siise:",
      "3:3: room.sise is",
      "4:3: ",
    ],
    [
      "a block's setting with the block's name before it",
      "name: a\nroom.size: 1 MiB",
      "2:1: room.size is not a setting; write room, and size in a block below it",
    ],
    [
      "settings that an anchor should bring along",
      "name: a\nroom:\n  <<: { size: 1 MiB }",
      "3:3: room.<< takes over other settings, which is not done here; write them out",
    ],
    [
      "a size just below its bound",
      "name: a\nroom: { size: 1023 B }",
      "2:15: room.size must be at least 1 KiB",
    ],
    [
      "a size just above its bound",
      "name: a\nroom: { size: 1025 MiB }",
      "2:15: room.size must be at most 1 GiB",
    ],
    [
      "an unknown name",
      "name: a\nroom:\n  sise: 1 MiB",
      "3:3: room.sise is not a setting; did you mean size?",
    ],
    [
      "an unlike unknown name",
      "name: a\nroom: { x: 1 }",
      "2:9: room.x is not a setting; here there are: size, seats",
    ],
    [
      "names that objects are born with",
      "name: a\nconstructor: 1\n__proto__: 2",
      "2:1: constructor is not",
      "3:1: __proto__ is not",
    ],
    [
      "a value under an alias, at the anchor",
      "name: a\nlist: &l [1]\nroom: *l",
      "2:11: list[0] must be text",
      "3:7: room must be a block",
    ],
    [
      "all of them, in the order of the file",
      "nam: a\nroom: { seats: x, size: 1 }\nlist: 1",
      "1:1: name is",
      "1:1: nam is",
      "2:16: room.seats must",
      "2:25: room.size must",
      "3:7: list must be a list, not a number; put it in brackets, or each on a line of its own behind a dash",
    ],
    [
      "text instead of settings",
      "name a",
      "1:1: the file must be a block of settings, not text; here there are: name, room, list",
    ],
  ])("%s", (_, text, ...expected) => {
    const problems = problemsOf(text);
    expect(problems.length, problems.join("\n")).toBe(expected.length);
    for (const [index, part] of expected.entries()) expect(problems[index]).toContain(`c.yaml:${part}`);
  });

  it.each([
    ["an open quote", 'name: "a'],
    ["an open bracket", "name: a\nlist: [a"],
    ["a tab", "name: a\nroom:\n\tseats: 1"],
    ["a name twice", "name: a\nname: b"],
    ["a second document", "name: a\n---\nname: b"],
    ["an unknown tag", "name: !x a"],
    ["an alias to nothing", "name: *x"],
    ["an alias within itself", "name: a\nlist: &l [*l]"],
    ["a name that is no text", "? [a]\n: b"],
    [
      "aliases that multiply",
      `name: a\na: &a [x,x,x,x,x,x,x,x,x]\n${[..."bcdefghi"].map((n, i) => `${n}: &${n} [${`*${"abcdefgh"[i]},`.repeat(9)}]`).join("\n")}`,
    ],
  ])("of YAML itself: %s", (_, text) => {
    expect(problemsOf(text).length).toBeGreaterThan(0);
  });

  it("never quote what was written, wherever it stands", () => {
    const canary = "Zq7CanaryValue";
    const texts = [
      `name: [${canary}]`,
      `name: *${canary}`,
      `name: !${canary} a`,
      `name: "\\q${canary}"`,
      `name: "${canary}`,
      `name: a: ${canary}`,
      `name: a\n ${canary}: b`,
      `name: a\n${canary}`,
      `name: @${canary}`,
      `- ${canary}\nname: a`,
      `name: a\nroom: { size: ${canary}, seats: ${canary} }`,
      `name: a\nroom: ${canary}`,
      `name: | ${canary}\n  a`,
      `%${canary}\n---\nname: a`,
      `name: {${canary}`,
    ];
    for (const text of texts) {
      expect(problemsOf(text).length, text).toBeGreaterThan(0);
      expect(problemsOf(text).join("\n"), text).not.toContain(canary);
    }
  });

  it("name an unknown setting, but not one that is a secret", () => {
    expect(problemsOf("name: a\ncgk1_abc: b")[0]).toContain("c.yaml:2:1: [secret] is not a setting");
  });
});
