/**
 * `coilgun-bench make-corpus <folder>`: a small corpus from the demo site, for whoever has no captured pages at hand
 * and for CI. The same seed makes the same bytes on any machine. Being made, it is no evidence of what real pages
 * save: capture your own for that.
 */
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Command } from "commander";
import { chanceFor } from "../demo-site/chance.ts";
import { deskPage } from "../demo-site/desk.ts";
import type { Visit } from "../demo-site/layout.ts";
import { renderTarget } from "../demo-site/pages.ts";
import { visitOf } from "../demo-site/site.ts";
import { article, newestArticle } from "../demo-site/world.ts";
import { interruptible } from "../rig/interrupt.ts";
import { wholeNumberFrom } from "../rig/whole-number.ts";
import type { FamilyKind } from "./corpus.ts";

export interface MakeCorpusOptions {
  readonly seed: number;
  /** Captures of each time series, and pages of each template. */
  readonly versions: number;
}

interface MadeFamily {
  readonly name: string;
  readonly kind: FamilyKind;
  readonly ending: "html" | "json";
  readonly notes: string;
  readonly targetOf: (version: number) => string;
  /** A session's cookie, for the pages that have one. */
  readonly cookie?: string;
  /** How each person sees a screen of the desk; the demo site itself has none. */
  readonly desk?: boolean;
}

/** Minutes of the demo site's time between two captures, give or take. */
const BETWEEN_CAPTURES = 7;
const NUMBERS_IN_NAMES = 3;
const MOST_VERSIONS = 10 ** NUMBERS_IN_NAMES;

const familiesFor = (seed: number): readonly MadeFamily[] => {
  const newest = newestArticle(0);
  const articlePath = (back: number) => article(seed, newest - back).path;
  return [
    made("demo-front", "timeseries", "teasers move down, counters count", () => "/"),
    made("demo-article", "timeseries", "comments keep coming", () => articlePath(2)),
    made("demo-listing", "timeseries", "prices and stock change, cards change places", () => "/shop?page=1"),
    {
      ...made("demo-account", "timeseries", "one session's page, a fresh token each time", () => "/account"),
      cookie: "session=c0ffee",
    },
    {
      ...made("demo-departures", "timeseries", "a sliding window of rows", () => "/api/departures"),
      ending: "json",
    },
    made("demo-articles", "template", "different articles", (version) => articlePath(10 + version)),
    made("demo-accounts", "visitors", "different people's accounts", () => "/account"),
    {
      ...made("demo-desk", "visitors", "a content system's desk, with nonces in many places", () => "/desk"),
      desk: true,
    },
  ];
};

const made = (
  name: string,
  kind: FamilyKind,
  notes: string,
  targetOf: (version: number) => string,
): MadeFamily => ({ name, kind, notes, targetOf, ending: "html" });

/** Writes the corpus into `folder`, which must be empty or not exist. @internal */
export async function makeCorpus(folder: string, { seed, versions }: MakeCorpusOptions): Promise<void> {
  await mkdir(folder, { recursive: true });
  if ((await readdir(folder)).length > 0) {
    throw new Error(`${folder} is not empty; name a new folder, so that nothing of yours is overwritten`);
  }
  const manifest = [];
  for (const family of familiesFor(seed)) {
    await mkdir(join(folder, family.name));
    manifest.push({
      name: family.name,
      kind: family.kind,
      content_type: family.ending === "html" ? "text/html" : "application/json",
      notes: `made by coilgun-bench make-corpus, seed ${seed}: ${family.notes}`,
      versions: await writeVersions(folder, family, { seed, versions }),
    });
  }
  await writeFile(join(folder, "manifest.json"), `${JSON.stringify(manifest, undefined, 1)}\n`);
}

async function writeVersions(
  folder: string,
  family: MadeFamily,
  { seed, versions }: MakeCorpusOptions,
): Promise<{ file: string; bytes: number }[]> {
  const pace = chanceFor(seed, "captures", family.name);
  const written = [];
  let moment = 0;
  for (let version = 0; version < versions; version += 1) {
    const cookie = family.kind === "visitors" ? `session=${sessionOf(seed, version)}` : family.cookie;
    const visit = visitOf({ headers: { cookie } }, { seed, number: version + 1, moment });
    const body = bodyOf(family, visit, version);
    const file = `${family.name}/${String(version).padStart(NUMBERS_IN_NAMES, "0")}.${family.ending}`;
    await writeFile(join(folder, file), body);
    written.push({ file, bytes: body.length });
    moment += BETWEEN_CAPTURES * (0.5 + pace.next());
  }
  return written;
}

const sessionOf = (seed: number, version: number): string => chanceFor(seed, "person", version).hex(32);

const bodyOf = (family: MadeFamily, visit: Visit, version: number): Buffer => {
  if (family.desk) return Buffer.from(deskPage(visit, visit.session ?? "", 0));
  const target = family.targetOf(version);
  const page = renderTarget(visit, target);
  if (page === undefined) throw new Error(`the demo site has no page at ${target}`);
  return page.body;
};

export const makeCorpusCommand = (): Command =>
  new Command("make-corpus")
    .description("make a small corpus from the demo site")
    .argument("<folder>", "a folder that is empty or does not exist yet")
    .option("--seed <number>", "the same seed makes the same bytes", wholeNumberFrom(0, 2 ** 31), 1)
    .option("--versions <number>", "captures of each family", wholeNumberFrom(1, MOST_VERSIONS), 12)
    .action((folder: string, options: MakeCorpusOptions) =>
      interruptible(async () => {
        await makeCorpus(folder, options);
        process.stdout.write(`Made a corpus in ${folder}; now: coilgun-bench replay ${folder}\n`);
        return 0;
      }),
    );
