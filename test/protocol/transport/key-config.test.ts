import { describe, expect, it } from "vitest";
import { ConfigError, parseConfig } from "../../../protocol/config/parse-config.ts";
import { block } from "../../../protocol/config/schema.ts";
import { MAX_KEY_ID_LENGTH, makeLinkKey, secretsAt, secretText } from "../../../protocol/transport/key.ts";
import { keyOf, keySettings } from "../../../protocol/transport/key-config.ts";

const SECRET = secretText(makeLinkKey("k").secret);

const read = (text: string, files: Readonly<Record<string, string>> = {}) => {
  const near = {
    pathOf: (name: string) => name,
    everyAddress: "0.0.0.0",
    read: (path: string) => Buffer.from(files[path] ?? ""),
  };
  const schema = block(keySettings(near)).transform((written, context) => keyOf(written, context));
  return parseConfig({ file: "k.yaml", text, schema });
};

describe("a key in a config", () => {
  it("is the id and the secret that were written", () => {
    const key = read(`id: k\nsecret: ${SECRET}`);
    expect(key?.id).toBe("k");
    expect(key && secretText(key.secret)).toBe(SECRET);
  });

  it("may have its secret in a file, with a line's end", () => {
    const key = read("id: k\nsecretFile: link.key", { "link.key": `${SECRET}\r\n` });
    expect(key && secretText(key.secret)).toBe(SECRET);
  });

  it.each<[string, string, number | undefined]>([
    ["until the config names it no more", "", undefined],
    ["until a moment of UTC", "until: 2030-01-31T12:00:00Z", Date.UTC(2030, 0, 31, 12)],
    ["until a moment elsewhere", "until: 2030-01-31T12:00+02:00", Date.UTC(2030, 0, 31, 10)],
  ])("may have a previous secret %s", (_, until, untilMs) => {
    const previous = makeLinkKey("k").secret;
    const text = `previous:\n  secretFile: old.key\n  ${until}`;
    const key = read(`id: k\nsecret: ${SECRET}\n${text}`, { "old.key": secretText(previous) });
    expect(key?.previous).toEqual({ secret: previous, untilMs });
    expect(key?.previous?.secret.equals(previous)).toBe(true);
    const at = (ms: number) => key && secretsAt(key, ms).length;
    expect([at(0), at((untilMs ?? 1) - 1), at(untilMs ?? 0)]).toEqual([2, 2, untilMs === undefined ? 2 : 1]);
  });

  it.each(["k", "a.b_c-D9", "k".repeat(MAX_KEY_ID_LENGTH)])("may be called %s", (id) => {
    expect(read(`id: ${id}\nsecret: ${SECRET}`)?.id).toBe(id);
  });

  it.each<[string, string, Record<string, string>?]>([
    ["an id too long", `id: ${"k".repeat(MAX_KEY_ID_LENGTH + 1)}\nsecret: ${SECRET}`],
    ["an id with a space", `id: a b\nsecret: ${SECRET}`],
    ["a secret for an id", `id: ${SECRET}\nsecret: ${SECRET}`],
    ["no secret", "id: k"],
    ["two secrets", `id: k\nsecret: ${SECRET}\nsecretFile: f`, { f: SECRET }],
    ["its own secret as the previous one", `id: k\nsecret: ${SECRET}\nprevious: { secret: ${SECRET} }`],
    ["a previous secret that is none", `id: k\nsecret: ${SECRET}\nprevious: {}`],
    [
      "an end without a zone",
      `id: k\nsecretFile: f\nprevious: { secret: ${SECRET}, until: "2030-01-31T12:00" }`,
      { f: secretText(makeLinkKey("k").secret) },
    ],
    ["a secret cut short", `id: k\nsecret: ${SECRET.slice(0, -1)}`],
    ["a secret with a letter more", `id: k\nsecret: ${SECRET}A`],
    ["a secret without its beginning", `id: k\nsecret: ${SECRET.slice(5)}`],
    ["an empty file", "id: k\nsecretFile: f", { f: "" }],
    ["a file with two secrets", "id: k\nsecretFile: f", { f: `${SECRET}\n${SECRET}` }],
    ["a file that names it", "id: k\nsecretFile: f", { f: `secret: ${SECRET}` }],
  ])("is refused with %s, and nothing of a secret is told", (_, text, files) => {
    const attempt = () => read(text, files);
    expect(attempt).toThrow(ConfigError);
    expect(attempt).not.toThrow(SECRET.slice(5, 20));
  });
});
