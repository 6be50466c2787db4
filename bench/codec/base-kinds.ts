/**
 * `coilgun-bench kinds <folder>`: what each kind of base brings, without daemons or a link: pages encoded with bases of one
 * kind only. Bytes as a share of raw, summed per family; a kind that a family does not have is a dash. Families of one
 * `site` in the manifest lend each other their pages as the site's.
 */
import { Command } from "commander";
import { commonPieces } from "../../edge-side/bases/common/shared-runs.ts";
import { zstdCodec } from "../../protocol/codec/zstd.ts";
import { type Corpus, type Family, type FamilyKind, readCorpus } from "../corpus/corpus.ts";
import { sumOf } from "../report/statistics.ts";
import { percent, renderTable } from "../report/table.ts";
import { interruptible } from "../rig/interrupt.ts";

/** What is at hand when page `at` of a family is asked for. */
interface AtHand {
  readonly before: readonly Buffer[];
  /** The newest page of another family of the site. */
  readonly sitePage: Buffer | undefined;
  readonly common: Buffer | undefined;
}

interface BaseKind {
  readonly name: string;
  readonly of: readonly FamilyKind[];
  /** Best last; undefined where there are none. */
  readonly bases: (at: AtHand) => readonly (Buffer | undefined)[];
}

const NEVER_SEEN = ["template", "visitors"] as const;

const BASE_KINDS: readonly BaseKind[] = [
  { name: "none", of: ["timeseries", ...NEVER_SEEN], bases: () => [] },
  { name: "URL, 1", of: ["timeseries"], bases: ({ before }) => before.slice(-1) },
  { name: "URL, 2", of: ["timeseries"], bases: ({ before }) => before.slice(-2) },
  { name: "URL, 4", of: ["timeseries"], bases: ({ before }) => before.slice(-4) },
  { name: "site, 1", of: ["template"], bases: ({ sitePage }) => [sitePage] },
  { name: "template, 1", of: ["template"], bases: ({ before }) => before.slice(-1) },
  { name: "template, 4", of: ["template"], bases: ({ before }) => before.slice(-4) },
  {
    name: "template, 3 + site",
    of: ["template"],
    bases: ({ before, sitePage }) => [sitePage, ...before.slice(-3)],
  },
  { name: "common", of: NEVER_SEEN, bases: ({ common }) => [common] },
  { name: "another person's (unsafe)", of: ["visitors"], bases: ({ before }) => before.slice(-1) },
];

/** Pages of a family before the first one that counts. */
const FIRST_COUNTED: Readonly<Record<FamilyKind, number>> = { timeseries: 1, template: 4, visitors: 4 };
/** Pages that a common base is made of. */
const COMMON_SOURCES = 4;

/** Per family, the share of raw bytes by the name of each kind that it has. @internal */
export async function measureBaseKinds(
  corpus: Corpus,
  signal: AbortSignal,
): Promise<readonly { readonly family: Family; readonly shares: ReadonlyMap<string, number> }[]> {
  const measured = [];
  for (const family of corpus.families) {
    const pages = family.versions.map(({ file }) => corpus.read(file));
    const sitePage = newestOfSite(corpus, family);
    const common = commonOf(pages.slice(0, COMMON_SOURCES));
    const counted = pages.slice(FIRST_COUNTED[family.kind]);
    const shares = new Map<string, number>();
    for (const { name, bases } of BASE_KINDS.filter((kind) => kind.of.includes(family.kind))) {
      let bytes = 0;
      for (const [at, page] of counted.entries()) {
        signal.throwIfAborted();
        const before = pages.slice(0, at + FIRST_COUNTED[family.kind]);
        const chosen = bases({ before, sitePage, common });
        if (chosen.includes(undefined)) bytes = Number.NaN;
        else
          bytes += (
            await zstdCodec.encode(
              chosen.flatMap((base) => base ?? []),
              page,
            )
          ).length;
      }
      const share = bytes / sumOf(counted.map(({ length }) => length));
      if (Number.isFinite(share)) shares.set(name, share);
    }
    measured.push({ family, shares });
  }
  return measured;
}

function newestOfSite(corpus: Corpus, { name, site }: Family): Buffer | undefined {
  const other = corpus.families.find(
    (each) => site !== undefined && each.site === site && each.name !== name,
  );
  const file = other?.versions.at(-1)?.file;
  return file === undefined ? undefined : corpus.read(file);
}

function commonOf(pages: readonly Buffer[]): Buffer | undefined {
  const work = commonPieces(pages.toReversed());
  let step = work.next();
  while (!step.done) step = work.next();
  return step.value === undefined || step.value.length === 0 ? undefined : step.value;
}

export const baseKindsCommand = (): Command =>
  new Command("kinds")
    .description("measure what each kind of base brings, on captured pages")
    .argument("<folder>", "a corpus: manifest.json and version files (format: bench/README.md)")
    .action((folder: string) =>
      interruptible(async (signal) => {
        const measured = await measureBaseKinds(readCorpus(folder), signal);
        const kindOf = ({ family }: (typeof measured)[number]) => family.kind;
        for (const [kind, families] of Map.groupBy(measured, kindOf)) {
          const names = BASE_KINDS.filter(({ of }) => of.includes(kind)).map(({ name }) => name);
          const columns = names.map((title) => ({ title, align: "right" }) as const);
          const rows = families.map(({ family, shares }) => [
            family.name,
            ...names.map((name) => (shares.has(name) ? percent(shares.get(name) ?? 0) : "-")),
          ]);
          process.stdout.write(
            `${renderTable([{ title: `${kind}, of raw`, align: "left" }, ...columns], rows)}\n\n`,
          );
        }
        return 0;
      }),
    );
