/**
 * The state of a running daemon, as `status`, the page and the metrics show it. The schema is what
 * docs/status.schema.json is made of: fields may come, none goes or changes its meaning within a major version. Sizes
 * are bytes, times are milliseconds or seconds as their names say.
 */
import { z } from "zod";
import { ofHost } from "../config/host-pattern.ts";
import type { Clock } from "../runtime/clock.ts";
import type { Durations } from "./durations.ts";
import { STEP_MS, type Sums, type Traffic } from "./traffic.ts";

const volume = {
  visits: z.int().describe("Answers that came to an end."),
  pageBytes: z.int().describe("Bytes of their pages, before they are compressed for visitors."),
  linkBytes: z.int().describe("Bytes of their bodies on the link."),
};

const linkSchema = z.strictObject({
  key: z.string(),
  address: z.string().describe("Of the other side."),
  state: z
    .enum(["up", "silent", "draining"])
    .describe("silent: it does not answer; draining: it takes nothing new."),
  upSeconds: z.int(),
  roundTripMs: z.number().nullable().describe("The shortest of late; null: not measured yet."),
  program: z.string().nullable().describe("The version that the other side runs; null: it does not say."),
  clockAheadMs: z
    .number()
    .nullable()
    .describe("By how much the other side's clock is ahead, to within a round trip; null: it does not say."),
  streams: z.int().describe("Requests under way."),
  sentBytes: z.int(),
  receivedBytes: z.int(),
});

const dialSchema = z.strictObject({
  edge: z.string(),
  key: z.string(),
  state: z.enum(["up", "dialling", "waiting"]),
  tries: z.int().describe("Since the last good link."),
  nextMs: z.int().nullable().describe("Until it is dialled again; null where it does not wait."),
  why: z.string().describe("Why the last try, or the last link, ended; empty where none did."),
});

const sharedConfigSchema = z.strictObject({
  from: z.string().describe("The store and the name in it."),
  version: z.int().describe("The version that is served."),
  at: z.string().describe("When it was signed."),
  state: z
    .enum(["current", "refused", "unreachable"])
    .describe("refused: what is stored there cannot be used; unreachable: the store does not answer."),
  why: z.string().describe("Empty where it is current."),
});

export type SharedConfigState = z.infer<typeof sharedConfigSchema>;

export const statusSchema = z
  .strictObject({
    program: z.string().describe("coilgun-edge or coilgun-origin."),
    version: z.string(),
    at: z.iso.datetime(),
    upSeconds: z.int(),
    ready: z.boolean(),
    reasons: z
      .array(z.string())
      .describe("What is missing; where it is ready, for some hosts or edges only."),
    links: z.array(linkSchema),
    dials: z.array(dialSchema).describe("Of the origin side: the links that it keeps up."),
    hosts: z
      .array(
        z.strictObject({
          host: z.string(),
          links: z.int().describe("Links that may serve it; of the origin side: all that are up."),
          direct: z.literal(true).optional().describe("Its web server is asked without a link."),
          ...volume,
        }),
      )
      .describe(
        "Those that are served, and those of patterns (`*.example.com`) that had answers. Since the start.",
      ),
    store: z.strictObject({
      bytes: z.int(),
      mostBytes: z.int(),
      versions: z.int(),
      evicted: z.int().describe("Versions that had to go because the store was full."),
      expired: z.int().describe("Versions that were not used for too long."),
      tiers: z
        .array(
          z.strictObject({
            tier: z.string().describe("`file` or `shared`."),
            reached: z.boolean().describe("Whether it is asked at present."),
            asked: z.int().describe("Questions for what memory missed."),
            found: z.int().describe("Questions that had an answer in time."),
            late: z.int(),
            failed: z.int(),
            skipped: z.int().describe("Questions that were not asked, because it did not answer before."),
            written: z.int().describe("Versions that were put."),
            read: z.int().describe("Versions that came back to memory."),
            lost: z.int().describe("Versions that it could not take."),
          }),
        )
        .describe("What stands below the memory, by the settings."),
    }),
    lately: z.strictObject({
      seconds: z.int().describe("The last five minutes, or since the first visit of late."),
      ...volume,
      answers: z.array(z.strictObject({ answer: z.string(), reason: z.string(), times: z.int() })),
      failures: z.array(z.strictObject({ code: z.string(), times: z.int() })),
      linkSentBytes: z.int().describe("All that left on links."),
      linkReceivedBytes: z.int(),
      steps: z
        .array(z.strictObject({ secondsAgo: z.int(), ...volume }))
        .describe("The same by five seconds, oldest first."),
    }),
    pages: z
      .array(z.strictObject({ host: z.string(), path: z.string(), ...volume }))
      .describe("Those with the most bytes in the last five to ten minutes."),
    queue: z.int().describe("Requests that wait for a place at a web server."),
    mismatches: z.int().describe("Deltas that did not verify, since the start."),
    sharedConfig: sharedConfigSchema
      .nullable()
      .describe("The config that is shared with other machines; null: there is none."),
    refused: z.array(z.strictObject({ limit: z.string(), times: z.int() })).describe("Since the start."),
    events: z
      .array(
        z.strictObject({ at: z.iso.datetime(), level: z.string(), event: z.string(), fields: z.string() }),
      )
      .describe("The last lines of the log, newest first."),
  })
  .describe(
    "The state of a running coilgun-edge or coilgun-origin, as GET /status of its admin listener gives it.",
  );

export type Status = z.infer<typeof statusSchema>;
type LinkStatus = z.infer<typeof linkSchema>;
type DialStatus = z.infer<typeof dialSchema>;

interface Readiness {
  readonly ready: boolean;
  readonly reasons: readonly string[];
}

/** What a daemon shows of itself. */
export interface Watched {
  readonly side: "edge" | "origin";
  readonly clock: Clock;
  readonly traffic: Traffic;
  readonly durations: Durations;
  /** Whether metrics say which host. */
  readonly hostMetrics: boolean;
  readiness(): Readiness;
  links(): readonly LinkStatus[];
  dials(): readonly DialStatus[];
  /** Hosts that are served, and how many links may serve each. */
  hosts(): Iterable<readonly [string, number | "direct"]>;
  store(): Status["store"];
  /** Requests that wait for a place at a web server. */
  queue(): number;
  /** Times that an edge was dialled again. */
  redials(): number;
  linkBytes(): { readonly sent: number; readonly received: number };
  /** What each limit has refused: its name, and how often. */
  refused(): Iterable<readonly [string, number]>;
}

/** Whose state it is. */
export interface Program {
  readonly name: string;
  readonly version: string;
  readonly startedAt: number;
  events(): Status["events"];
  /** Of a config that is shared with other machines. */
  sharedConfig?(): SharedConfigState | undefined;
}

/** As people have it, and the log. */
export const dateNow = (clock: Pick<Clock, "today">): string => new Date(clock.today()).toISOString();

const MOST_PAGES = 50;
const NO_VOLUME = { visits: 0, pageBytes: 0, linkBytes: 0 };

export const statusOf = (watched: Watched, program: Program): Status => {
  const { name, version, startedAt, events } = program;
  const { clock, traffic } = watched;
  const volumes = new Map(traffic.hosts());
  const links = new Map(watched.hosts());
  const now = clock.now();
  const { ready, reasons } = watched.readiness();
  return {
    program: name,
    version,
    at: dateNow(clock),
    upSeconds: Math.round((now - startedAt) / 1_000),
    ready,
    reasons: [...reasons],
    links: [...watched.links()],
    dials: [...watched.dials()],
    hosts: [...new Set([...links.keys(), ...volumes.keys()])].map((host) => ({
      host,
      ...linksOf(ofHost(links, host) ?? 0),
      ...volumeOf(volumes.get(host) ?? NO_VOLUME),
    })),
    store: watched.store(),
    lately: latelyOf(traffic.window()),
    pages: [...traffic.paths()]
      .map(({ host, path, ...volume }) => ({ host, path, ...volumeOf(volume) }))
      .sort((a, b) => b.pageBytes - a.pageBytes)
      .slice(0, MOST_PAGES),
    queue: watched.queue(),
    mismatches: traffic.mismatches,
    sharedConfig: program.sharedConfig?.() ?? null,
    refused: Array.from(watched.refused(), ([limit, times]) => ({ limit, times })),
    events: events(),
  };
};

const linksOf = (links: number | "direct") =>
  links === "direct" ? { links: 0, direct: true as const } : { links };

type OneVolume = { readonly visits: number; readonly pageBytes: number; readonly linkBytes: number };

const volumeOf = ({ visits, pageBytes, linkBytes }: OneVolume) => ({ visits, pageBytes, linkBytes });

const between = (before: OneVolume, after: OneVolume) => ({
  visits: after.visits - before.visits,
  pageBytes: after.pageBytes - before.pageBytes,
  linkBytes: after.linkBytes - before.linkBytes,
});

const latelyOf = (window: readonly Sums[]): Status["lately"] => {
  const first = window[0] as Sums;
  const last = window.at(-1) as Sums;
  return {
    seconds: Math.round((last.at - first.at) / 1_000),
    ...between(first, last),
    answers: [...last.answers]
      .map(([answer, times]) => ({ ...answer, times: times - (first.answers.get(answer) ?? 0) }))
      .filter(({ times }) => times > 0)
      .sort((a, b) => b.times - a.times),
    failures: [...last.failures]
      .map(([code, times]) => ({ code, times: times - (first.failures.get(code) ?? 0) }))
      .filter(({ times }) => times > 0)
      .sort((a, b) => b.times - a.times),
    linkSentBytes: last.sentBytes - first.sentBytes,
    linkReceivedBytes: last.receivedBytes - first.receivedBytes,
    steps: window.slice(1).map((sums, i) => ({
      secondsAgo: Math.max(0, Math.round((last.at - sums.at) / STEP_MS) * (STEP_MS / 1_000)),
      ...between(window[i] as Sums, sums),
    })),
  };
};
