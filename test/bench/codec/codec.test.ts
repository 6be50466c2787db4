import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { codecTable, measureCodecs } from "../../../bench/codec/codec.ts";
import { type FamilyKind, readCorpus } from "../../../bench/corpus/corpus.ts";
import { CODEC_NAMES } from "../../../protocol/codec/codecs.ts";
import { FakeClock } from "../../kit/fake-clock.ts";
import { type Random, seeded } from "../../kit/random.ts";
import { madeVersions } from "../../protocol/codec/made-pages.ts";

async function withCorpus<T>(random: Random, use: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "coilgun-codec-"));
  try {
    const family = async (name: string, kind: FamilyKind, count: number) => {
      await mkdir(join(folder, name));
      const versions = madeVersions(random, { rows: 60, count }).map((page, at) => ({
        file: `${name}/${at}`,
        page,
      }));
      for (const { file, page } of versions) await writeFile(join(folder, file), page);
      const listed = versions.map(({ file, page }) => ({ file, bytes: page.length }));
      return { name, kind, content_type: "text/html", versions: listed };
    };
    const manifest = [await family("series", "timeseries", 6), await family("pages", "template", 7)];
    await writeFile(join(folder, "manifest.json"), JSON.stringify(manifest));
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

describe("measureCodecs", () => {
  const bench = () => ({
    clock: new FakeClock(),
    signal: new AbortController().signal,
    terminal: { write: () => true },
  });

  it("measures every codec with 1 to 4 bases, over the same pages each time", async () => {
    await withCorpus(seeded(), async (folder) => {
      const report = await measureCodecs(readCorpus(folder), bench());
      expect(report.codecs.map(({ codec, bases }) => `${codec} ${bases}`)).toEqual(
        CODEC_NAMES.flatMap((codec) => [1, 2, 3, 4].map((bases) => `${codec} ${bases}`)),
      );
      for (const { shares, allPages, pagesUpTo100KB } of report.codecs) {
        expect([allPages.pages, pagesUpTo100KB.pages], "5 of the series, 3 of the template").toEqual([8, 8]);
        for (const share of [shares.timeseries, shares.template]) {
          expect(share).toBeGreaterThan(0);
          expect(share, "bases are used").toBeLessThan(0.1);
        }
      }
      expect(codecTable(report)).toMatch(/^series .*%$/m);
    });
  });

  it("stops when it is interrupted", async () => {
    await withCorpus(seeded(), async (folder) => {
      const signal = AbortSignal.abort(new Error("interrupted"));
      await expect(measureCodecs(readCorpus(folder), { ...bench(), signal })).rejects.toThrow("interrupted");
    });
  });
});
