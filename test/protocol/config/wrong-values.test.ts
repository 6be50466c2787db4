/** Whatever is written in the place of a setting, it is a problem with a place and our words, or it is taken: nothing crashes. */
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { edgeSettings } from "../../../edge-side/config/edge-config.ts";
import { originSettings } from "../../../origin-side/config/origin-config.ts";
import { ConfigError, parseConfig } from "../../../protocol/config/parse-config.ts";
import { fixturesIn, MADE_UP } from "../../kit/config-fixtures.ts";

const WRONG = [[], {}, "x", 0, true, [null], [[]], [{}]];
const LIBRARY_WORDS = /Invalid|expected|received|Unrecognized|undefined|\[object|ENOENT.*open|node:/;

/** Where each value of a YAML text stands: names and numbers from the top. */
function* placesIn(
  value: unknown,
  at: readonly (string | number)[] = [],
): Generator<readonly (string | number)[]> {
  yield at;
  if (typeof value !== "object" || value === null) return;
  for (const [name, each] of Object.entries(value))
    yield* placesIn(each, [...at, Array.isArray(value) ? Number(name) : name]);
}

/** The value with another at one place. */
const put = (value: unknown, [name, ...deeper]: readonly (string | number)[], wrong: unknown): unknown => {
  if (name === undefined) return wrong;
  const copy: Record<string | number, unknown> = Array.isArray(value)
    ? ([...value] as never)
    : { ...(value as object) };
  copy[name] = put(copy[name], deeper, wrong);
  return copy;
};

const RICH =
  /^(certificate-mode|every-setting-at-its-default|http-and-https|hosts-with|routes-of|what-other-fixtures)/;

describe.each([
  ["edge", edgeSettings(MADE_UP)],
  ["origin", originSettings(MADE_UP)],
] as const)("a wrong value in %s.yaml", (side, schema) => {
  it.each(fixturesIn("valid", side).filter(({ name }) => RICH.test(name)))(
    "of $name is told by its setting",
    ({ text }) => {
      const written: unknown = parse(text);
      for (const wrong of [...placesIn(written)].flatMap((at) =>
        WRONG.map((each) => put(written, at, each)),
      )) {
        try {
          // JSON is YAML, and quicker to read.
          parseConfig<unknown>({ file: "x.yaml", text: JSON.stringify(wrong), schema });
        } catch (error) {
          if (error instanceof ConfigError && !LIBRARY_WORDS.test(error.message)) continue;
          expect.unreachable(`${JSON.stringify(wrong)}: ${error}`);
        }
      }
    },
  );
});
