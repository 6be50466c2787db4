// bench pair --corpus: captured versions in turn, what is wrong with one, and the table, of made figures.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { type CorpusLatencyReport, isCorpusLatencyFlawless } from "../../../bench/pair/corpus-latency.ts";
import { corpusLatencyTable } from "../../../bench/pair/corpus-latency-table.ts";
import { CorpusSeries } from "../../../bench/pair/corpus-series.ts";

/** Two series of four and two versions, and a template, which is no series. */
const series = (): CorpusSeries => {
  const folder = mkdtempSync(join(tmpdir(), "corpus-series-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const family = (name: string, kind: string, count: number) => ({
    ...{ name, kind, content_type: "text/html" },
    versions: Array.from({ length: count }, (_, at) => {
      writeFileSync(join(folder, `${name}-${at}`), `${name} ${at}`);
      return { file: `${name}-${at}`, bytes: name.length + 2 };
    }),
  });
  const families = [family("a", "timeseries", 4), family("t", "template", 3), family("b", "timeseries", 2)];
  writeFileSync(join(folder, "manifest.json"), JSON.stringify(families));
  return new CorpusSeries(folder);
};

describe("the series of a corpus", () => {
  it("come as often as they have versions, evenly", () => {
    expect(series().order).toEqual(["a", "b", "a", "a", "b", "a"]);
  });

  it("begin again after their last version", () => {
    const of = series();
    const page = (serial: number) => of.page("b", serial);
    expect([0, 1, 2].map((serial) => page(serial)?.body.toString())).toEqual(["b 0", "b 1", "b 0"]);
    expect([0, 1, 2].map((serial) => page(serial)?.tag)).toEqual(['"0"', '"1"', '"0"']);
    expect(of.page("t", 0)).toBeUndefined();
  });

  it("are right with their version's tag, a weak one too, and with no other", () => {
    const of = series();
    const body = Buffer.from("a 3");
    expect([of.flawOf("a", body, '"3"'), of.flawOf("a", body, 'W/"3"')]).toEqual([undefined, undefined]);
    expect(of.flawOf("a", body, '"2"')).toBe("3 bytes that are not version 2 of a");
    for (const tag of [undefined, '"7"', '"x"']) expect(of.flawOf("a", body, tag)).toContain("the head of");
  });
});

const took = (p50: number, wrong = 0) => ({
  ...{ visits: 3, wrong },
  first: { p50, p95: p50 + 10 },
  whole: { p50: p50 + 1, p95: p50 + 20 },
});
const reportOf = (pair: ReturnType<typeof took>): CorpusLatencyReport => ({
  rows: [{ encodings: "none", meanBytes: 92_000, echo: took(100), ways: { pair, plain: took(120) } }],
  emulation: { rttMs: 100, bytesPerSecond: 1_250_000, bufferBytes: 4_096 },
  firstFlaws: pair.wrong > 0 ? ["a by way of pair: status 502"] : [],
});

it("shows by how much each way is beyond the echo, of the echo's whole", () => {
  const table = corpusLatencyTable(reportOf(took(103)));
  expect(table).toMatch(/^none +pair +103\.00 +113\.00 +104\.00 +123\.00 +2\.00 +3\.00 +3\.00 +3$/m);
  expect(table).toMatch(/^ +echo +100\.00 +110\.00 +101\.00 +120\.00 +3$/m);
  expect(table).toContain("Every answer that was checked arrived byte for byte.");
});

it("is not flawless with one wrong answer, and says which", () => {
  const report = reportOf(took(103, 1));
  expect([isCorpusLatencyFlawless(report), isCorpusLatencyFlawless(reportOf(took(103)))]).toEqual([
    false,
    true,
  ]);
  expect(corpusLatencyTable(report)).toContain("a by way of pair: status 502");
});
