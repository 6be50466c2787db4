/**
 * A corpus: captured page versions on disk, as `coilgun-bench replay` and `codec` read them. A folder with
 * `manifest.json` (an array of families) and the version files it names; the format is documented in bench/README.md.
 * Everything is checked before the first byte is measured, and all problems are reported at once.
 */
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";

/**
 * `timeseries`: one URL captured again and again. `template`: different URLs of one template, each captured once.
 * `visitors`: one URL as different people who are logged in see it, each captured once.
 */
export const FAMILY_KINDS = ["timeseries", "template", "visitors"] as const;
export type FamilyKind = (typeof FAMILY_KINDS)[number];

interface CorpusVersion {
  /** Path relative to the corpus folder, with forward slashes. */
  readonly file: string;
  readonly bytes: number;
}

export interface Family {
  /** Also a DNS label: a replayed family is a host name of its own. */
  readonly name: string;
  readonly kind: FamilyKind;
  readonly contentType: string;
  /** Families of one site lend each other pages in `kinds`. */
  readonly site?: string | undefined;
  /** In the order of capture; at least one. */
  readonly versions: readonly CorpusVersion[];
}

export interface Corpus {
  readonly families: readonly Family[];
  /** The bytes of a version file that the manifest names; throws CorpusError when they can no longer be read. */
  read(file: string): Buffer;
}

/** A corpus that cannot be used; the message lists what to repair, one problem a line. */
export class CorpusError extends Error {
  readonly problems: readonly string[];
  constructor(folder: string, problems: readonly string[]) {
    const shown = problems.slice(0, MOST_PROBLEMS_SHOWN).map((problem) => `  ${problem}`);
    const more = problems.length - shown.length;
    if (more > 0) shown.push(`  and ${more} more`);
    super(`${folder} is not a usable corpus (format: bench/README.md):\n${shown.join("\n")}`);
    this.name = "CorpusError";
    this.problems = problems;
  }
}

/** Enough to see a pattern; a manifest with one wrong habit would otherwise fill the screen. @internal */
export const MOST_PROBLEMS_SHOWN = 20;

const DNS_LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/** Relative, forward slashes, and inside the folder whatever the parts are. */
export const staysInside = (file: string): boolean =>
  !file.includes("\\") && file.split("/").every((part) => part !== "" && part !== "." && part !== "..");

/** Fields that are not named here (source, captured_at, notes, ...) are free, for people. */
const MANIFEST = z.array(
  z.object({
    name: z
      .string()
      .regex(DNS_LABEL, "must be a DNS label: a-z, 0-9 and inner hyphens, at most 63 characters"),
    kind: z.enum(FAMILY_KINDS),
    site: z.string().optional(),
    content_type: z.string().regex(/^[\w.+-]+\/[\w.+-]+$/, "must be a media type such as text/html"),
    versions: z
      .array(
        z.object({
          file: z.string().refine(staysInside, "must be a relative path inside the corpus folder"),
          bytes: z.int().nonnegative(),
        }),
      )
      .min(1, "needs at least one version"),
  }),
  "must be an array of families",
);

/** Reads and checks the corpus in `folder`; throws CorpusError with every problem found. */
export function readCorpus(folder: string): Corpus {
  const manifest = MANIFEST.safeParse(parseManifest(folder));
  if (!manifest.success) {
    throw new CorpusError(
      folder,
      manifest.error.issues.map((issue) => `${pathInManifest(issue.path)}: ${issue.message}`),
    );
  }
  const families = manifest.data.map(
    ({ name, kind, site, content_type, versions }): Family => ({
      name,
      kind,
      ...(site !== undefined && { site }),
      contentType: content_type,
      versions,
    }),
  );
  const problems = [...nameProblems(families), ...fileProblems(folder, families)];
  if (problems.length > 0) throw new CorpusError(folder, problems);

  const known = new Set(families.flatMap((family) => family.versions.map((version) => version.file)));
  return {
    families,
    read(file) {
      if (!known.has(file)) throw new CorpusError(folder, [`${file}: not named by manifest.json`]);
      try {
        return readFileSync(join(folder, file));
      } catch (error) {
        throw new CorpusError(folder, [`${file}: ${reasonOf(error)}`]);
      }
    },
  };
}

/** The corpus with only the families of `names`, in the corpus's order; throws when a name is not in it. */
export function onlyFamilies(corpus: Corpus, names: readonly string[]): Corpus {
  const missing = names.filter((name) => !corpus.families.some((family) => family.name === name));
  if (missing.length > 0) {
    const there = corpus.families.map((family) => family.name).join(", ");
    throw new Error(`no family ${missing.join(", ")} in this corpus; it has: ${there}`);
  }
  return { ...corpus, families: corpus.families.filter((family) => names.includes(family.name)) };
}

/** The JSON of the folder's manifest; throws CorpusError. */
export function parseManifest(folder: string): unknown {
  let text: string;
  try {
    text = readFileSync(join(folder, "manifest.json"), "utf8");
  } catch (error) {
    throw new CorpusError(folder, [`manifest.json: ${reasonOf(error)}`]);
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new CorpusError(folder, [`manifest.json: not JSON: ${reasonOf(error)}`]);
  }
}

function nameProblems(families: readonly Family[]): string[] {
  if (families.length === 0) return ["manifest.json: names no family"];
  const seen = new Set<string>();
  return families.flatMap(({ name }) => {
    if (seen.has(name)) return [`manifest.json: family ${name} is there twice; names must differ`];
    seen.add(name);
    return [];
  });
}

function fileProblems(folder: string, families: readonly Family[]): string[] {
  return families.flatMap((family) =>
    family.versions.flatMap(({ file, bytes }) => {
      const found = statSync(join(folder, file), { throwIfNoEntry: false });
      if (found === undefined) return [`${file}: no such file, but family ${family.name} names it`];
      if (!found.isFile()) return [`${file}: not a file`];
      if (found.size !== bytes) return [`${file}: has ${found.size} bytes, the manifest says ${bytes}`];
      return [];
    }),
  );
}

/** Where in a manifest a problem was found. */
export const pathInManifest = (path: readonly PropertyKey[]): string =>
  `manifest.json${path.map((step) => (typeof step === "number" ? `[${step}]` : `.${String(step)}`)).join("")}`;

const CAUSES: Readonly<Record<string, string>> = {
  ENOENT: "no such file",
  EACCES: "may not be read (permissions)",
  EISDIR: "is a folder",
  ENOTDIR: "a part of its path is not a folder",
};

/** Why a file could not be read, in a few words. */
export function reasonOf(error: unknown): string {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  const cause = code === undefined ? undefined : CAUSES[code];
  return cause ?? (error instanceof Error ? error.message : String(error));
}
