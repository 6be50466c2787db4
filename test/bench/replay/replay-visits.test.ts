/**
 * bench/replay/replay-visits.ts, on a stand-in for the pair: an in-process proxy that logs exchanges as the daemons do and can
 * be told to harm a page. What a replay must notice, it must notice here.
 */
import { createServer, request } from "node:http";
import { buffer } from "node:stream/consumers";
import { afterEach, describe, expect, it } from "vitest";
import type { Corpus, Family } from "../../../bench/corpus/corpus.ts";
import { groundOfMeasurement } from "../../../bench/corpus/versions.ts";
import { hostOf, pathOf, visitsOfCorpus } from "../../../bench/replay/planned-visits.ts";
import { startReplayOrigin } from "../../../bench/replay/replay-origin.ts";
import { isFlawless, reportOn } from "../../../bench/replay/replay-report.ts";
import { replayTable } from "../../../bench/replay/replay-table.ts";
import { type ReplayedVisit, type ReplayGround, visitAll } from "../../../bench/replay/replay-visits.ts";
import { startCountingRelay } from "../../../bench/rig/counting-relay.ts";
import { ExchangeLog } from "../../../bench/rig/exchange-log.ts";
import { listenOnLoopback } from "../../../bench/rig/loopback.ts";
import { visitorOf } from "../../../bench/rig/visitor.ts";
import { parseHostPort } from "../../../protocol/config/units.ts";
import { systemClock } from "../../../protocol/runtime/clock.ts";
import { watchLeaks } from "../../kit/leaks.ts";

watchLeaks();
const opened: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

const family = (
  name: string,
  kind: Family["kind"],
  bodies: readonly string[],
): { family: Family; bodies: readonly string[] } => ({
  family: {
    name,
    kind,
    contentType: "text/html",
    versions: bodies.map((body, at) => ({ file: `${name}/00${at}.html`, bytes: body.length })),
  },
  bodies,
});

const corpusOf = (...parts: readonly ReturnType<typeof family>[]): Corpus => ({
  families: parts.map((part) => part.family),
  read: (file) => {
    for (const { family, bodies } of parts) {
      const at = family.versions.findIndex((version) => version.file === file);
      if (at !== -1) return Buffer.from(bodies[at] ?? "");
    }
    throw new Error(`no ${file}`);
  },
});

type Harm = "none" | "flip a byte" | "answer 502" | "cut off" | "log nothing of it";

/** A proxy in place of the pair; the `link` is its connection to the origin, through the relay. */
async function standIn(harmOf: (visit: number) => Harm = () => "none"): Promise<ReplayGround> {
  const origin = await startReplayOrigin();
  const link = await startCountingRelay(origin.address);
  const exchanges = new ExchangeLog();
  let visit = 0;
  const proxy = createServer((asked, response) => {
    visit += 1;
    const stream = visit;
    const harm = harmOf(visit);
    const log = (status: number, answerBytes: number) => {
      if (harm === "log nothing of it") return;
      const common = { stream, link: "l", host: asked.headers.host, target: asked.url };
      exchanges.fromOrigin({ ...common, answer: "delta", encodeMs: stream, originMs: 1 });
      exchanges.fromEdge({
        ...common,
        method: "GET",
        status,
        answer: "delta",
        answerBytes,
        decodeMs: 1,
        totalMs: 2,
      });
    };
    const { host, port } = parseHostPort(link.address);
    request({ host, port, path: asked.url, headers: asked.headers, agent: false }, async (answered) => {
      const body = await buffer(answered);
      if (harm === "flip a byte") body[0] = (body[0] ?? 0) ^ 1;
      if (harm === "answer 502") {
        response.writeHead(502).end("no");
        log(502, 0);
      } else if (harm === "cut off") {
        response.writeHead(200, { "Content-Length": body.length + 1 });
        response.write(body, () => response.destroy());
        log(200, body.length);
      } else {
        response.writeHead(200, { "Content-Type": answered.headers["content-type"] }).end(body);
        log(200, 10);
      }
    })
      .on("error", () => response.destroy())
      .end();
  });
  const visitor = visitorOf(await listenOnLoopback(proxy), systemClock);
  opened.push(
    () => origin.close(),
    () => link.close(),
    () => proxy.close(),
    () => visitor.close(),
  );
  return { origin, link, exchanges, visitor, clock: systemClock };
}

const visits = (corpus: Corpus, ground: ReplayGround, countAll = false) =>
  visitAll(visitsOfCorpus(corpus), ground, { countAll, onVisit: () => undefined });

const reportOf = (replayed: readonly ReplayedVisit[]) =>
  reportOn(replayed, {
    settings: { codec: "default", bases: "default", commonBases: true },
    links: 1,
    countedAll: false,
    versions: groundOfMeasurement(),
  });

const six = (name: string, kind: Family["kind"]) =>
  family(name, kind, ["aaaaaa", "bbbbbb", "cccccc", "dddddd", "eeeeee", "ffffff"]);

describe("the visits of a replay", () => {
  it("ask a time series at one URL, and a template's pages each at its own, each family at its own host", async () => {
    const series = six("series", "timeseries").family;
    const pages = six("pages", "template").family;
    expect([0, 1].map((version) => pathOf(series, version))).toEqual(["/", "/"]);
    expect([0, 1].map((version) => pathOf(pages, version))).toEqual(["/pages/000.html", "/pages/001.html"]);
    expect([hostOf(series), hostOf(pages)]).toEqual(["series.replay.test", "pages.replay.test"]);
  });

  it("leave out the first of a time series and the first four of a template, unless all are counted", async () => {
    const corpus = corpusOf(six("series", "timeseries"), six("pages", "template"));
    const counted = (await visits(corpus, await standIn())).map((visit) => visit.counted);
    expect(counted).toEqual([false, true, true, true, true, true, false, false, false, false, true, true]);
    expect((await visits(corpus, await standIn(), true)).every((visit) => visit.counted)).toBe(true);
  });

  it("attribute every byte on the link to a visit: their sum is what the relay counted", async () => {
    const ground = await standIn();
    const replayed = await visits(corpusOf(six("series", "timeseries")), ground);
    const sum = (of: (visit: ReplayedVisit) => number) =>
      replayed.reduce((total, visit) => total + of(visit), 0);
    expect({
      toEdge: sum((visit) => visit.link.toEdge),
      toOrigin: sum((visit) => visit.link.toOrigin),
    }).toEqual(ground.link.read());
    expect(replayed.every((visit) => visit.link.toEdge > 100 && visit.link.toOrigin > 100)).toBe(true);
  });

  it("report a flawless replay as such", async () => {
    const report = reportOf(await visits(corpusOf(six("series", "timeseries")), await standIn()));
    expect(isFlawless(report)).toBe(true);
    expect(report.totals).toMatchObject({
      exchanges: 5,
      rawBytes: 30,
      answerBytes: 50,
      mismatches: 0,
      errors: 0,
    });
    expect(report.totals.answers).toEqual({ same: 0, delta: 5, whole: 0, passed: 0 });
    expect(report.totals.encodeMs).toEqual({ p50: 4, p95: 6 });
    expect(replayTable(report)).toContain("Every page arrived byte for byte.");
  });

  it.each([
    {
      harm: "flip a byte",
      mismatches: 1,
      errors: 0,
      says: "series: the visitor got other bytes than the origin sent",
    },
    { harm: "answer 502", mismatches: 0, errors: 1, says: "series: status 502" },
    { harm: "cut off", mismatches: 0, errors: 1, says: "series: " },
  ] as const)("notice one page that meets: $harm", async ({ harm, mismatches, errors, says }) => {
    const ground = await standIn((visit) => (visit === 3 ? harm : "none"));
    const report = reportOf(await visits(corpusOf(six("series", "timeseries")), ground));
    expect(isFlawless(report)).toBe(false);
    expect(report.totals).toMatchObject({ mismatches, errors });
    expect(replayTable(report)).toContain(says);
  });

  it("notice a damaged page even among those that are not counted", async () => {
    const ground = await standIn((visit) => (visit === 1 ? "flip a byte" : "none"));
    const report = reportOf(await visits(corpusOf(six("series", "timeseries")), ground));
    expect(report.totals).toMatchObject({ exchanges: 5, mismatches: 1 });
  });

  it("end with the daemon's own words when one dies", async () => {
    const ground = await standIn((visit) => {
      if (visit === 2) ground.exchanges.fail(new Error("the origin-side daemon ended (signal SIGKILL)"));
      return visit === 2 ? "log nothing of it" : "none";
    });
    await expect(visits(corpusOf(six("series", "timeseries")), ground)).rejects.toThrow("signal SIGKILL");
  });

  it("end when they are interrupted", async () => {
    const stop = new AbortController();
    const ground = await standIn((visit) => {
      if (visit === 2) stop.abort(new Error("interrupted"));
      return "none";
    });
    await expect(
      visits(corpusOf(six("series", "timeseries")), { ...ground, signal: stop.signal }),
    ).rejects.toThrow("interrupted");
  });
});
