import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import type { LogSettings } from "../../../protocol/config/log-settings.ts";
import { makeLog } from "../../../protocol/daemon/log.ts";
import { makeLinkKey, secretText } from "../../../protocol/transport/key.ts";

const logInto = (settings: Partial<LogSettings> = {}) => {
  const lines: string[] = [];
  const log = makeLog({ level: "info", format: "json", ...settings }, { write: (line) => lines.push(line) });
  return { log, lines, parsed: () => lines.map((line) => JSON.parse(line) as Record<string, unknown>) };
};

describe("lines in JSON", () => {
  it("have time, level, event and fields, and nothing of the machine", () => {
    const { log, parsed } = logInto();
    log.with({ link: 7 }).warn("link lost", { why: "no answer" });
    expect(parsed()).toEqual([
      {
        level: "warn",
        time: expect.stringMatching(/^\d{4}-.*Z$/),
        event: "link lost",
        link: 7,
        why: "no answer",
      },
    ]);
  });

  it("carry an error with its code and its stack", () => {
    const { log, parsed } = logInto();
    log.error("failed", { error: Object.assign(new Error("no"), { code: "EPIPE" }) });
    expect(parsed()[0]).toMatchObject({
      error: { message: "no", code: "EPIPE", stack: expect.stringContaining("log.test") },
    });
  });
});

describe("lines as text", () => {
  it("are one line each, whatever a field holds", () => {
    const { log, lines } = logInto({ format: "text" });
    log.info("ready", {
      address: "[::]:80",
      why: 'two\nlines and "quotes"',
      list: ["a"],
      n: 1,
      error: new Error("no"),
    });
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(
      /^\d{4}-\S+Z INFO {2}ready address=\[::\]:80 why="two\\nlines and \\"quotes\\"" list=\["a"\] n=1 error="no"\n$/,
    );
  });
});

describe("levels", () => {
  it("leave out what is below", () => {
    const { log, parsed } = logInto({ level: "warn" });
    log.debug("d");
    log.info("i");
    log.warn("w");
    log.error("e");
    expect(parsed().map(({ event }) => event)).toEqual(["w", "e"]);
  });

  it("change for logs that were made before", () => {
    const { log, parsed } = logInto({ level: "error" });
    const child = log.with({ a: 1 });
    child.debug("before");
    log.setLevel("debug");
    child.debug("after");
    expect(parsed().map(({ event }) => event)).toEqual(["after"]);
  });
});

describe.each(["json", "text"] as const)("secrets in %s", (format) => {
  const key = makeLinkKey("k");
  const shown = secretText(key.secret);
  const raw = key.secret.reveal();

  it.each<[string, Record<string, unknown>]>([
    ["a key", { key }],
    ["a key deep inside", { config: { keys: [{ key }] } }],
    ["the text of a secret", { line: `secret: ${shown}` }],
    ["the text as a field's name", { [shown]: 1 }],
    ["an error that quotes one", { error: new Error(`bad ${shown}`) }],
    ["an inspected key", { seen: inspect(key, { depth: 9 }) }],
  ])("are not printed: %s", (_, fields) => {
    const { log, lines } = logInto({ format });
    log.info(`event ${shown}`, fields);
    log.with(fields).info("again");
    const all = lines.join("");
    expect(lines).toHaveLength(2);
    for (const form of [
      shown,
      shown.slice(5),
      raw.toString("hex"),
      raw.toString("base64"),
      raw.toString("base64url"),
    ]) {
      expect(all).not.toContain(form);
    }
    expect(all).toContain("[secret]");
  });
});
