import { describe, expect, it } from "vitest";
import { MOST_SERIES } from "../../../protocol/admin/durations.ts";
import { metricsOf } from "../../../protocol/admin/metrics.ts";
import { printStatus } from "../../../protocol/admin/print-status.ts";
import { statusOf, statusSchema, type Watched } from "../../../protocol/admin/status.ts";
import { FakeClock } from "../../kit/fake-clock.ts";
import { PROGRAM, watchedOf } from "./watched.ts";

const FAILED_FILE = {
  ...{ tier: "file", reached: false, lost: 3 },
  ...{ asked: 1, found: 0, late: 0, failed: 1, skipped: 2, written: 0, read: 0 },
};

const GET = { method: "GET", version: "1.1", scheme: "http" } as const;

/** Lines of samples, by what stands before the value. */
const samplesOf = async (watched: Watched): Promise<Map<string, number>> => {
  const metrics = metricsOf(watched, PROGRAM);
  const text = await metrics.text();
  metrics.close();
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(
    lines.map((line) => [
      line.slice(0, line.lastIndexOf(" ")),
      Number(line.slice(line.lastIndexOf(" ") + 1)),
    ]),
  );
};

const visited = (over: Partial<Watched> = {}): Watched => {
  const watched = watchedOf({ clock: new FakeClock(), ...over });
  const visit = { host: "www.example.com", target: "/x", answer: "delta", pageBytes: 10_000 };
  watched.traffic.note(visit, 100);
  watched.traffic.note({ ...visit, answer: "whole", reason: "first-visit" }, 900);
  watched.traffic.note({ ...visit, answer: undefined, failed: "origin-silent" }, 0);
  watched.durations.note(GET, 200, undefined, 20);
  watched.durations.note(GET, 200, undefined, 3_000);
  watched.durations.note(GET, 200, undefined, 60_000);
  return watched;
};

describe("metrics", () => {
  it("have OpenTelemetry's names, labels and buckets, and count up from bucket to bucket", async () => {
    const samples = await samplesOf(visited());
    const name = (end: string, more = "") =>
      `http_server_request_duration_seconds_${end}{http_request_method="GET",http_response_status_code="200",network_protocol_version="1.1",url_scheme="http",error_type=""${more}}`;
    const counted = (le: string) => samples.get(name("bucket", `,le="${le}"`));
    expect(["0.01", "0.025", "2.5", "5", "10", "+Inf"].map(counted)).toEqual([0, 1, 1, 2, 2, 3]);
    expect(samples.get(name("count"))).toBe(3);
    expect(samples.get(name("sum"))).toBeCloseTo(63.02);
  });

  it("say what was counted", async () => {
    const samples = await samplesOf(visited());
    expect(samples.get('coilgun_answers_total{answer="delta",reason=""}')).toBe(1);
    expect(samples.get('coilgun_answers_total{answer="whole",reason="first-visit"}')).toBe(1);
    expect(samples.get("coilgun_page_bytes_total")).toBe(20_000);
    expect(samples.get("coilgun_answer_bytes_total")).toBe(1_000);
    expect(samples.get('coilgun_failures_total{code="origin-silent"}')).toBe(1);
    expect(samples.get('coilgun_link_bytes_total{direction="received"}')).toBe(40);
    expect(samples.get('coilgun_link_rtt_seconds{key="k"}')).toBe(0.0125);
    expect(samples.get('coilgun_refused_total{limit="limits.visitors"}')).toBe(5);
    expect(samples.get('coilgun_store_evictions_total{reason="evicted"}')).toBe(2);
  });

  it("name the host by choice only", async () => {
    const name = 'coilgun_page_bytes_total{host="www.example.com"}';
    expect((await samplesOf(visited())).has(name)).toBe(false);
    expect((await samplesOf(visited({ hostMetrics: true }))).get(name)).toBe(20_000);
  });

  it("are few, whatever visitors and web servers name", async () => {
    const watched = watchedOf();
    const before = [...watched.durations.samples()].length;
    for (let i = 0; i < 5_000; i++)
      watched.durations.note({ ...GET, method: `M${i}` }, 100 + (i % 900), undefined, 1);
    for (let i = 0; i < 5_000; i++)
      watched.durations.note({ ...GET, method: "PUT" }, 100 + (i % 900), undefined, 1);
    const series = [...watched.durations.samples()].filter(({ suffix }) => suffix === "_count");
    expect(before).toBe(0);
    expect(series.length).toBeLessThan(MOST_SERIES + 20);
    expect(series.reduce((sum, { value }) => sum + value, 0)).toBe(10_000);
    expect(new Set(series.map(({ labels }) => labels.http_request_method))).toEqual(
      new Set(["_OTHER", "PUT"]),
    );
  });
});

describe("the state", () => {
  it("is what its schema says, and for people says the saving, what is missing and what is waited for", () => {
    const watched = visited({
      side: "origin",
      readiness: () => ({ ready: false, reasons: ["no link is up"] }),
      dials: () => [
        {
          edge: "e.example:7443",
          key: "k",
          state: "waiting",
          tries: 3,
          nextMs: 2_100,
          why: "connection refused",
        },
      ],
      queue: () => 4,
      store: () => ({ bytes: 0, mostBytes: 1, versions: 0, evicted: 0, expired: 0, tiers: [FAILED_FILE] }),
      hosts: () => [
        ["www.example.com", 0],
        ["api.example.com", "direct"],
      ],
    });
    const status = statusOf(watched, PROGRAM);
    expect(statusSchema.parse(status)).toEqual(status);
    expect(status.lately).toMatchObject({ visits: 2, pageBytes: 20_000, linkBytes: 1_000 });
    expect(status.pages).toEqual([
      { host: "www.example.com", path: "/x", visits: 2, pageBytes: 20_000, linkBytes: 1_000 },
    ]);
    const text = printStatus(status).join("\n");
    for (const said of [
      `${PROGRAM.name} ${PROGRAM.version}, up `,
      "NOT READY\n            no link is up",
      "www.example.com: NO LINK, 2 visits",
      "api.example.com: direct, 0 visits",
      "k 10.0.0.7 up 2 min, round trip 12.5 ms, version 1.2.3, clocks agree, 3 streams",
      "e.example:7443 waits 2.1 s for try 5; the last one ended: connection refused",
      "2 visits, 19.5 KiB of pages, 1000 B on the link: 95.0 % saved",
      "whole 1 (first-visit 1)",
      "failed: origin-silent 1",
      "4 requests waiting",
      "limits.visitors 5",
      "store.file NOT REACHED: what it has is not used",
    ])
      expect(text).toContain(said);
  });
});
