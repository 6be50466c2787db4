import { expect, it } from "vitest";
import { type Status, statusOf } from "../../../protocol/admin/status.ts";
import { diagnose, tiersOf } from "../../../protocol/daemon/doctor.ts";
import { RedisUrl } from "../../../protocol/redis/redis-address.ts";
import { FakeClock } from "../../kit/fake-clock.ts";
import { watchedOf } from "../admin/watched.ts";

const healthy = statusOf(watchedOf({ clock: new FakeClock(), refused: () => [] }), {
  name: "coilgun-edge",
  version: "1.2.3",
  startedAt: 0,
  events: () => [],
});
const found = (over: Partial<Status>) =>
  diagnose({ ...healthy, ...over }, { version: "1.2.3", today: Date.parse(healthy.at) })
    .filter(({ outcome }) => outcome !== "ok")
    .map((finding) => `${finding.outcome} ${finding.what}: ${"advice" in finding ? finding.advice : ""}`);

const lately = (answers: Status["lately"]["answers"]): Status["lately"] => ({
  ...healthy.lately,
  visits: 100,
  pageBytes: 1_000,
  linkBytes: 100,
  answers,
});

it("a daemon that does well has nothing but good findings", () => {
  expect(found({ lately: lately([{ answer: "delta", reason: "", times: 100 }]) })).toEqual([]);
});

it.each<[string, Partial<Status>, RegExp]>([
  ["an older program that still runs", { version: "1.2.2" }, /1\.2\.2 runs, and 1\.2\.3 is installed/],
  ["a clock that was put right", { at: "2020-01-01T00:00:00.000Z" }, /clock/],
  ["no link", { ready: false, reasons: ["no link is up"] }, /^problem it is not ready: no link is up/],
  [
    "a silent link",
    { links: healthy.links.map((link) => ({ ...link, state: "silent" as const })) },
    /does not answer/,
  ],
  [
    "another version at the other side",
    { links: healthy.links.map((link) => ({ ...link, program: "1.2.2" })) },
    /version 1\.2\.2 runs there, and 1\.2\.3 here: upgrade the older/,
  ],
  [
    "a clock that is behind",
    { links: healthy.links.map((link) => ({ ...link, clockAheadMs: -5_013 })) },
    /clock 5\.0 s behind of ours/,
  ],
  ["a delta that did not verify", { mismatches: 1 }, /did not verify/],
  ["requests that wait", { queue: 3 }, /3 requests wait/],
  [
    "an error of late",
    {
      at: "2026-01-01T00:05:00.000Z",
      events: ["2026-01-01T00:04:00.000Z", "2026-01-01T00:00:00.000Z", "2025-12-31T23:59:59.999Z"].map(
        (at) => ({
          at,
          level: "error",
          event: "access log failed",
          fields: "",
        }),
      ),
    },
    /^"access log failed" was logged 2 times of late, at 2026-01-01T00:04:00\.000Z last/,
  ],
  ["a limit", { refused: [{ limit: "limits.visitors", times: 2 }] }, /limits\.visitors was reached 2 times/],
])("%s is found", (_, over, what) => {
  const clockPut = "at" in over;
  const all = clockPut
    ? diagnose({ ...healthy, ...over }, { version: "1.2.3", today: Date.parse("2026-01-01") }).map(
        ({ what: said }) => said,
      )
    : found(over);
  expect(all.filter((each) => what.test(each))).toHaveLength(1);
});

it("a side that says neither version nor time, and a clock that is apart by no more than can be measured, are no matter", () => {
  const links = [
    { program: null, clockAheadMs: null },
    { clockAheadMs: 5_012, roundTripMs: 12.5 },
  ].map((over) => ({ ...healthy.links[0], ...over }) as Status["links"][number]);
  expect(found({ links, lately: lately([{ answer: "delta", reason: "", times: 100 }]) })).toEqual([]);
});

it("a store that is too small is told by the share of answers whose base was gone", () => {
  const answers = [
    { answer: "delta", reason: "", times: 80 },
    { answer: "whole", reason: "evicted", times: 20 },
  ];
  expect(found({ lately: lately(answers) })[0]).toMatch(
    /20 % of the answers had a base that was gone: store\.size/,
  );
});

it("a store whose versions go soon is too small where pages cross the link as much of their bytes, and only there", () => {
  const store = { ...healthy.store, versions: 10, evicted: 100 };
  const full = { store, upSeconds: 5_990, lately: { ...lately([]), linkBytes: 201 } };
  expect(found(full)[0]).toMatch(/100 had to go, after 599 s on average.* 20 % of their bytes: store\.size/);
  expect(found({ ...full, upSeconds: 6_000 })).toEqual([]);
  expect(found({ ...full, lately: { ...lately([]), linkBytes: 200 } })).toEqual([]);
});

it("what most answers were whole for is said in words", () => {
  const answers = [
    { answer: "same", reason: "", times: 10 },
    { answer: "whole", reason: "new-session", times: 90 },
  ];
  expect(found({ lately: lately(answers) })).toEqual([
    expect.stringMatching(/90 % of the answers were whole: new-session/),
  ]);
});

it("what nothing helps against is told, and is no warning", () => {
  const answers = [
    { answer: "same", reason: "", times: 10 },
    { answer: "whole", reason: "first-visit", times: 90 },
  ];
  const status = { ...healthy, lately: lately(answers) };
  expect(found({ lately: lately(answers) })).toEqual([]);
  expect(
    diagnose(status, { version: "1.2.3", today: Date.parse(healthy.at) }).map(({ what }) => what),
  ).toContain(
    "90 % of the answers were whole: first-visit (nothing was known of the page, nor of its template)",
  );
});

it.each([1, 2])("what happened %i times is counted as people count", (times) => {
  const failed = { ...lately([]), visits: 10, failures: [{ code: "refused", times }] };
  const said = found({
    mismatches: times,
    queue: times,
    refused: [{ limit: "limits.visitors", times }],
    lately: failed,
  });
  expect(said.map((each) => each.slice("warning ".length).split(/[:;] | a place| since/)[0])).toEqual(
    times === 1
      ? [
          "1 delta did not verify",
          "1 request waits for",
          "limits.visitors was reached 1 time",
          "1 request failed",
        ]
      : [
          "2 deltas did not verify",
          "2 requests wait for",
          "limits.visitors was reached 2 times",
          "2 requests failed",
        ],
  );
});

it.each([
  { asked: 0, came: 9_000, said: /has the machine's time/ },
  { asked: 5_001, came: 9_000, said: /clock is 2\.0 s from/ },
  { asked: 0, came: 999, said: /clock is -2\.0 s from/ },
])(
  "the daemon's time may be any between question and answer: 3 s beside $asked to $came ms",
  ({ asked, came, said }) => {
    const at = new Date(3_000).toISOString();
    const findings = diagnose({ ...healthy, at }, { version: "1.2.3", asked, today: came });
    expect(findings.map(({ what }) => what)).toContainEqual(expect.stringMatching(said));
  },
);

it("a file or a shared store that the config names and the daemon does not use is a problem", () => {
  const state = { lost: 0, asked: 1, found: 0, late: 0, failed: 1, skipped: 0, written: 0, read: 0 };
  const statusWith = (...tiers: readonly (readonly ["file" | "shared", boolean])[]): Status => ({
    ...healthy,
    store: { ...healthy.store, tiers: tiers.map(([tier, reached]) => ({ tier, reached, ...state })) },
  });
  const [file, shared] = ["/var/versions", new RedisUrl("redis://10.0.0.9")] as const;
  const told = (...args: Parameters<typeof tiersOf>) =>
    tiersOf(...args).map(({ outcome, what }) => `${outcome} ${what}`);
  const both = { file, shared };
  expect(told(statusWith(["file", true], ["shared", true]), both)).toEqual([]);
  expect(told(statusWith(), { file: undefined, shared: undefined })).toEqual([]);
  expect(told(statusWith(["shared", false]), both)).toEqual([
    expect.stringMatching(/^problem store\.file is not used by the daemon, which could not open it/),
    expect.stringMatching(/^warning store\.shared is not used at present/),
  ]);
});
