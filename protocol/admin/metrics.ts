/**
 * The same in Prometheus' text. Names are OpenTelemetry's where it has one (semantic conventions 1.x for HTTP and Node.js); ours begin with
 * `coilgun_`. Every label has few values, and none of them is a visitor's to choose.
 */
import { monitorEventLoopDelay, performance } from "node:perf_hooks";
import { Counter, Gauge, type Metric, Registry } from "prom-client";
import type { Program, Watched } from "./status.ts";

export interface Metrics {
  readonly contentType: string;
  text(): Promise<string>;
  close(): void;
}

type Labels = Readonly<Record<string, string | number>>;
type Sample = readonly [value: number, labels?: Labels];

const NANOSECONDS = 1e9;
const MICROSECONDS = 1e6;
/** Of the timer whose lateness is measured; what is measured includes it. */
const RESOLUTION_MS = 10;

export const metricsOf = (
  watched: Watched,
  { name, version, sharedConfig }: Pick<Program, "name" | "version" | "sharedConfig">,
): Metrics => {
  const registry = new Registry();
  const counter = (name: string, help: string, read: () => Iterable<Sample>, labelNames: string[] = []) =>
    new Counter({
      name,
      help,
      labelNames,
      registers: [registry],
      collect() {
        this.reset();
        for (const [value, labels = {}] of read()) this.inc(labels, value);
      },
    });
  const gauge = (name: string, help: string, read: () => Iterable<Sample>, labelNames: string[] = []) =>
    new Gauge({
      name,
      help,
      labelNames,
      registers: [registry],
      collect() {
        this.reset();
        for (const [value, labels = {}] of read()) this.set(labels, value);
      },
    });
  const { traffic, hostMetrics } = watched;
  const host = hostMetrics ? ["host"] : [];
  const hostLabel = (name: string): Labels => (hostMetrics ? { host: name } : {});

  registry.registerMetric(durationsOf(watched));
  counter(
    "coilgun_answers_total",
    "Answers by form (same, delta, whole, passed), and why one did not build on anything.",
    function* () {
      for (const [host, answer, times] of traffic.answersByHost())
        yield [times, { ...answer, ...hostLabel(host) }];
    },
    ["answer", "reason", ...host],
  );
  const byHost = (bytes: "pageBytes" | "linkBytes") =>
    function* (): Generator<Sample> {
      if (!hostMetrics) yield [0];
      for (const [host, volume] of traffic.hosts()) yield [volume[bytes], hostLabel(host)];
    };
  const pageHelp = "Bytes of pages, before they are compressed for visitors.";
  counter("coilgun_page_bytes_total", pageHelp, byHost("pageBytes"), host);
  const linkHelp = "Bytes of the same pages on the link, without heads.";
  counter("coilgun_answer_bytes_total", linkHelp, byHost("linkBytes"), host);
  counter(
    "coilgun_failures_total",
    "Visits that ended in an error page or were cut, by reset code.",
    function* () {
      for (const [code, times] of traffic.sums().failures) yield [times, { code }];
    },
    ["code"],
  );
  counter(
    "coilgun_link_bytes_total",
    "Bytes of messages on all links.",
    function* () {
      const { sent, received } = watched.linkBytes();
      yield [sent, { direction: "sent" }];
      yield [received, { direction: "received" }];
    },
    ["direction"],
  );
  gauge(
    "coilgun_link_up",
    "Links that are up, by key.",
    function* () {
      for (const [key, links] of byKey(watched))
        yield [links.filter(({ state }) => state === "up").length, { key }];
    },
    ["key"],
  );
  gauge(
    "coilgun_link_rtt_seconds",
    "The shortest round trip of late over the links of a key.",
    function* () {
      for (const [key, links] of byKey(watched)) {
        const known = links.flatMap(({ roundTripMs }) => roundTripMs ?? []);
        if (known.length > 0) yield [Math.min(...known) / 1_000, { key }];
      }
    },
    ["key"],
  );
  gauge("coilgun_ready", "1 while GET /ready says 200.", () => [[watched.readiness().ready ? 1 : 0]]);
  gauge("coilgun_store_bytes", "Bytes of remembered versions, with all that is kept beside them.", () => [
    [watched.store().bytes],
  ]);
  gauge("coilgun_store_limit_bytes", "The setting store.size.", () => [[watched.store().mostBytes]]);
  counter(
    "coilgun_store_evictions_total",
    "Versions that the store let go of: it was full (evicted), or they were not used for too long (expired).",
    function* () {
      const { evicted, expired } = watched.store();
      yield [evicted, { reason: "evicted" }];
      yield [expired, { reason: "expired" }];
    },
    ["reason"],
  );
  const tiers = () => watched.store().tiers;
  gauge(
    "coilgun_store_tier_reached",
    "1 while the file or the shared store is asked; 0 while it does not answer, or did not before.",
    function* () {
      for (const { tier, reached } of tiers()) yield [reached ? 1 : 0, { tier }];
    },
    ["tier"],
  );
  counter(
    "coilgun_store_tier_questions_total",
    "What came of looking below for what memory missed.",
    function* () {
      for (const { tier, asked, found, late, failed, skipped } of tiers()) {
        const missed = Math.max(0, asked - found - late - failed);
        for (const [result, times] of Object.entries({ found, missed, late, failed, skipped }))
          yield [times, { tier, result }];
      }
    },
    ["tier", "result"],
  );
  counter(
    "coilgun_store_tier_versions_total",
    "Versions that were put below, that came back to memory, and that could not be written.",
    function* () {
      for (const { tier, written, read, lost } of tiers())
        for (const [what, times] of Object.entries({ written, read, lost })) yield [times, { tier, what }];
    },
    ["tier", "what"],
  );
  if (watched.side === "origin") {
    gauge("coilgun_queue_requests", "Requests that wait for a place at a web server.", () => [
      [watched.queue()],
    ]);
    counter("coilgun_redials_total", "Times that an edge was dialled again.", () => [[watched.redials()]]);
  } else
    counter(
      "coilgun_mismatches_total",
      "Deltas that did not verify; plain bytes came in their place.",
      () => [[traffic.mismatches]],
    );
  counter(
    "coilgun_refused_total",
    "What a limit refused, by the name of the limit.",
    function* () {
      for (const [limit, times] of watched.refused()) yield [times, { limit }];
    },
    ["limit"],
  );
  gauge("coilgun_config_version", "The version of the shared config that is served.", function* () {
    const state = sharedConfig?.();
    if (state !== undefined) yield [state.version];
  });
  gauge(
    "coilgun_config_state",
    "1 for what the shared config is: current, refused (another one is stored that cannot be used), unreachable.",
    function* () {
      const shared = sharedConfig?.();
      if (shared === undefined) return;
      for (const state of ["current", "refused", "unreachable"])
        yield [shared.state === state ? 1 : 0, { state }];
    },
    ["state"],
  );
  gauge("coilgun_build_info", "1.", () => [[1, { program: name, version, node: process.versions.node }]], [
    "program",
    "version",
    "node",
  ]);
  gauge("process_resident_memory_bytes", "Resident set size.", () => [[process.memoryUsage.rss()]]);
  gauge("process_start_time_seconds", "Since the epoch.", () => [[performance.timeOrigin / 1_000]]);
  counter("process_cpu_seconds_total", "User and system time.", () => {
    const { user, system } = process.cpuUsage();
    return [[(user + system) / MICROSECONDS]];
  });
  const stopDelay = addEventLoop(gauge);
  return { contentType: registry.contentType, text: () => registry.metrics(), close: stopDelay };
};

const byKey = (watched: Watched) => Map.groupBy(watched.links(), ({ key }) => key);

/** prom-client's own histogram counts each request itself; this one reads what was counted. */
const durationsOf = ({ side, durations }: Watched): Metric => {
  const name =
    side === "edge" ? "http_server_request_duration_seconds" : "http_client_request_duration_seconds";
  const help =
    side === "edge"
      ? "From a visitor's request to the end of its response."
      : "From a request's arrival at this side to the head of the web server's response.";
  const get = async () => ({
    name,
    help,
    type: "histogram",
    aggregator: "sum",
    values: Array.from(durations.samples(), ({ suffix, labels, value }) => ({
      metricName: `${name}${suffix}`,
      labels,
      value,
    })),
  });
  return { name, help, get } as unknown as Metric;
};

/** How late timers ran between two questions. Returns what stops it. */
const addEventLoop = (
  gauge: (name: string, help: string, read: () => Iterable<Sample>) => unknown,
): (() => void) => {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delay.enable();
  const seconds = (nanoseconds: number) =>
    Number.isFinite(nanoseconds) ? Math.max(0, nanoseconds / NANOSECONDS - RESOLUTION_MS / 1_000) : 0;
  gauge("nodejs_eventloop_delay_p50_seconds", "Of the event loop, since the last question.", () => [
    [seconds(delay.percentile(50))],
  ]);
  gauge("nodejs_eventloop_delay_p99_seconds", "Of the event loop, since the last question.", () => [
    [seconds(delay.percentile(99))],
  ]);
  gauge("nodejs_eventloop_delay_max_seconds", "Of the event loop, since the last question.", () => {
    const most = seconds(delay.max);
    delay.reset();
    return [[most]];
  });
  let before = performance.eventLoopUtilization();
  gauge("nodejs_eventloop_utilization", "From 0 to 1, since the last question.", () => {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, before);
    before = now;
    return [[utilization]];
  });
  return () => delay.disable();
};
