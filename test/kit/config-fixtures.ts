/**
 * The config files of test/fixtures/config, read as a daemon would read them, but with the files that they name made
 * up here: no private key is committed. The first line of an invalid one is a comment that lists its problems,
 * `# 3:5 part of the message | 7:1 part of the next`, and a fixture without that line fails.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { z } from "zod";
import {
  ConfigError,
  parseConfig,
  type SchemaFor,
  type Surroundings,
} from "../../protocol/config/parse-config.ts";
import { makeAuthority } from "./certificates.ts";

const FOLDER = join(import.meta.dirname, "..", "fixtures", "config");

/** The secret that every fixture uses: bytes 0 to 31. */
export const FIXTURE_SECRET = "cgk1_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

/** Made once: a certificate with its key. */
const PAIR = makeAuthority().issue({ name: "site.example" });

/** Files beside a fixture: `link.key` holds the secret, `*-key.pem` and `site.key` a private key, other `*.pem` its certificate, `*.token` a token, `*.html` a page; the rest is missing. */
export const MADE_UP: Surroundings = {
  pathOf: (name) => join("/etc/coilgun", name),
  everyAddress: "0.0.0.0",
  read(path) {
    if (path.endsWith("/link.key")) return Buffer.from(`${FIXTURE_SECRET}\n`);
    if (/(-key\.pem|\/site\.key)$/.test(path)) return Buffer.from(PAIR.privateKey);
    if (path.endsWith(".token")) return Buffer.from("0123456789abcdef".repeat(4));
    if (path.endsWith(".html")) return Buffer.from("<p>One moment, please.");
    if (path.endsWith(".pem")) return Buffer.from(PAIR.certificate);
    throw Object.assign(new Error(`no ${path}`), { code: "ENOENT" });
  },
};

export interface Fixture {
  /** The file's name without its ending: what is right, or wrong, with it. */
  readonly name: string;
  readonly text: string;
}

export const fixturesIn = (kind: "valid" | "invalid", side: "edge" | "origin"): readonly Fixture[] =>
  readdirSync(join(FOLDER, kind, side))
    .filter((file) => file.endsWith(".yaml"))
    .map((file) => ({
      name: file.slice(0, -".yaml".length),
      text: readFileSync(join(FOLDER, kind, side, file), "utf8"),
    }));

export const parseFixture = <T>({ name, text }: Fixture, schemaFor: SchemaFor<T>): T =>
  parseConfig({ file: `${name}.yaml`, text, schema: schemaOf(schemaFor) });

/** Each made once: a schema's first use takes longer than reading a fixture. */
const schemas = new Map<unknown, unknown>();
const schemaOf = <T>(schemaFor: SchemaFor<T>): z.ZodType<T> => {
  const schema = (schemas.get(schemaFor) as z.ZodType<T> | undefined) ?? schemaFor(MADE_UP);
  schemas.set(schemaFor, schema);
  return schema;
};

/** The error that a fixture makes; undefined when it makes none. */
export const fixtureError = <T>(fixture: Fixture, schemaFor: SchemaFor<T>): ConfigError | undefined => {
  try {
    parseFixture(fixture, schemaFor);
    return undefined;
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
};

/** What the first line says: place and part of the message of each problem. */
export const expectedProblems = ({
  text,
}: Fixture): readonly { readonly place: string; readonly part: string }[] =>
  (text.split("\n")[0] ?? "")
    .replace(/^# */, "")
    .split(" | ")
    .map((each) => {
      const [place = "", ...words] = each.split(" ");
      return { place, part: words.join(" ") };
    });
