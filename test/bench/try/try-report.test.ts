/** What a try finds and says: faults apart from pages that change, figures, 80 columns, a page that needs no network. */
import { expect, it } from "vitest";
import { groundOfMeasurement } from "../../../bench/corpus/versions.ts";
import { ExchangeLog } from "../../../bench/rig/exchange-log.ts";
import { type Carrier, carry } from "../../../bench/try/carry.ts";
import { htmlReport } from "../../../bench/try/html-report.ts";
import type { SiteAnswer } from "../../../bench/try/site-client.ts";
import { type Measured, reportOn, TRY_REPORT } from "../../../bench/try/try-report.ts";
import { tryText } from "../../../bench/try/try-text.ts";
import { systemClock } from "../../../protocol/runtime/clock.ts";

const PAGE = Buffer.from("<p>a page of the site</p>");
const FETCHED: SiteAnswer = {
  url: new URL("http://www.example.test/a?b=1"),
  status: 200,
  head: [["Content-Type", "text/html"]],
  sent: PAGE,
  body: PAGE,
  firstByteMs: 30,
  cookie: "session=verysecret",
  authorization: undefined,
};

/** A pair that gives out `seen` in place of what was published. */
function carrierThatGives(seen: { readonly status: number; readonly body: Buffer }): Carrier {
  const exchanges = new ExchangeLog();
  const page = {
    ...seen,
    headers: {},
    rawHeaders: [],
    firstByteMs: 81,
    wholeMs: 82,
    bytes: seen.body.length,
  };
  let bytes = 0;
  return {
    origin: { publish: () => undefined },
    straight: { visit: async () => ({ ...page, firstByteMs: 80, wholeMs: 90 }) },
    pair: {
      async visit({ path, host }) {
        bytes += 100;
        exchanges.fromEdge({
          stream: 1,
          host,
          target: path,
          status: 200,
          answer: "whole",
          reason: "origin-side",
          answerBytes: 60,
        });
        exchanges.fromOrigin({ stream: 1, reason: "no-gain" });
        return page;
      },
    },
    link: { read: () => ({ toEdge: bytes, toOrigin: bytes / 2 }) },
    exchanges,
    clock: systemClock,
  };
}

it("carries an answer and says what it took, with the reason of the side that knows it", async () => {
  expect(await carry(FETCHED, carrierThatGives({ status: 200, body: PAGE }))).toEqual({
    answer: "whole",
    reason: "no-gain",
    answerBytes: 60,
    linkBytes: 150,
    pair: { firstByteMs: 81, wholeMs: 82 },
    straight: { firstByteMs: 80, wholeMs: 90 },
    fault: null,
  });
});

const withByteFlipped = (at: number): Buffer => {
  const body = Buffer.from(PAGE);
  body[at] = (body[at] ?? 0) ^ 1;
  return body;
};

it.each([
  {
    what: "one byte is another",
    seen: { status: 200, body: withByteFlipped(PAGE.length - 1) },
    says: `at byte ${PAGE.length - 1}`,
  },
  { what: "the first byte is another", seen: { status: 200, body: withByteFlipped(0) }, says: "at byte 0" },
  {
    what: "a byte is missing",
    seen: { status: 200, body: PAGE.subarray(0, -1) },
    says: "other bytes than were fetched",
  },
  { what: "the status is another", seen: { status: 502, body: PAGE }, says: "status 502 in place of 200" },
])("finds that $what", async ({ seen, says }) => {
  expect((await carry(FETCHED, carrierThatGives(seen))).fault).toContain(says);
});

const SIZES = { gzip6Bytes: 20_000, brotli5Bytes: 16_000, zstd3Bytes: 19_000 };
const GROUND = {
  at: "2026-11-29T10:00:00.000Z",
  line: { rttMs: 80, bytesPerSecond: 2_500_000 },
  visitsPerDay: 10_000,
  notes: ["http://www.example.test/old leads to http://www.example.test/."],
  versions: groundOfMeasurement(),
};

function visitOf(
  visit: number,
  over: Partial<Measured> & { readonly linkBytes?: number; readonly fault?: string } = {},
): Measured {
  const { linkBytes = visit === 1 ? 17_000 : 400, fault = null, ...rest } = over;
  return {
    page: 0,
    visit,
    url: "http://www.example.test/",
    contentType: "text/html",
    status: 200,
    digest: `body ${visit}`,
    pageBytes: 100_000,
    sentBytes: 20_000,
    baselines: SIZES,
    siteFirstByteMs: 45,
    carried: {
      answer: visit === 1 ? "whole" : "delta",
      reason: visit === 1 ? "first-visit" : null,
      answerBytes: linkBytes - 100,
      linkBytes,
      pair: { firstByteMs: 84, wholeMs: 85 },
      straight: { firstByteMs: 82, wholeMs: 131 },
      fault,
    },
    ...rest,
  };
}

it("tells a page that changes from one that was damaged", () => {
  const changing = reportOn([visitOf(1), visitOf(2), visitOf(3)], GROUND);
  expect(changing.faults).toBe(0);
  expect(changing.pages[0]?.changed).toBe(2);
  expect(tryText(changing)).toContain("each carried through a pair byte for byte");
  const damaged = reportOn([visitOf(1), visitOf(2, { digest: "body 1", fault: "other bytes" })], GROUND);
  expect(damaged.faults).toBe(1);
  expect(damaged.pages[0]?.changed).toBe(0);
  expect(tryText(damaged)).toContain("FAULT: http://www.example.test/, visit 2: other bytes.");
});

const IMAGE = {
  page: 1,
  url: "http://www.example.test/logo.png",
  digest: "logo",
  pageBytes: 9_000,
  sentBytes: 9_000,
};
const passed = (visit: number): Measured => {
  const one = visitOf(visit, {
    ...IMAGE,
    linkBytes: 9_300,
    baselines: { gzip6Bytes: 9_010, brotli5Bytes: 9_004, zstd3Bytes: 9_009 },
  });
  return { ...one, carried: { ...one.carried, answer: "passed", reason: "not-compressible" } };
};
const REPORT = reportOn([visitOf(1), passed(1), visitOf(2), passed(2)], GROUND);

it("has the JSON that its schema says, with figures that add up", () => {
  const read = TRY_REPORT.parse(JSON.parse(JSON.stringify(REPORT)));
  expect(read).toEqual(REPORT);
  expect(read.again).toMatchObject({ page: 54_500, link: 4_850 });
  expect(read.gigabytesPerMonth?.link).toBeCloseTo((4_850 * 10_000 * 30) / 1e9);
  expect(read.times).toEqual({
    siteFirstByteMs: 45,
    straight: { firstByteMs: 82, wholeMs: 131 },
    pair: { firstByteMs: 84, wholeMs: 85 },
  });
});

it("says it in 80 columns: what is saved, and why where nothing is", () => {
  const text = tryText(REPORT);
  const flowing = text.replace(/\s+/g, " ");
  expect(flowing).toContain("/ 97.7 KiB 19.5 KiB 15.6 KiB 18.6 KiB 400 B 97.5 %");
  expect(flowing).toContain("/logo.png 8.79 KiB 8.80 KiB 8.79 KiB 8.80 KiB 9.08 KiB nothing");
  expect(flowing).toContain(
    "logo.png saves nothing: an image, an archive, or the like: compressed already (not-compressible).",
  );
  expect(flowing).toContain(
    "first byte after 84 ms through the pair and 82 ms straight, whole page after 85 ms and 131 ms",
  );
  expect(flowing).toContain("10,000 visits a day");
  expect(Math.max(...text.split("\n").map((line) => line.length))).toBeLessThanOrEqual(80);
});

it("makes a page that loads nothing, and in which nothing of a site can run", () => {
  const hostile = "http://www.example.test/</script><script>alert(1)</script>";
  const page = htmlReport(reportOn([visitOf(1, { url: hostile }), visitOf(2, { url: hostile })], GROUND));
  expect(page).not.toContain("<script>alert");
  expect(page).not.toMatch(/\b(?:src|href)=/);
  expect(page).toContain("default-src 'none'");
  expect(page).toContain("400 B");
});
