import { beforeEach, expect, it } from "vitest";
import { boundedLog, LINES_A_SECOND } from "../../../protocol/daemon/bounded-log.ts";
import type { Log, LogFields } from "../../../protocol/daemon/log.ts";
import { FakeClock } from "../../kit/fake-clock.ts";

let lines: string[];
let clock: FakeClock;
let log: Log;
const recording = (known: LogFields = {}): Log => {
  const at = (level: string) => (event: string, fields?: LogFields) =>
    void lines.push([level, event, JSON.stringify({ ...known, ...fields })].join(" "));
  return {
    debug: at("debug"),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
    with: (fields) => recording({ ...known, ...fields }),
  };
};
beforeEach(() => {
  lines = [];
  clock = new FakeClock();
  log = boundedLog(recording(), clock);
});
const say = (count: number, event = "link refused") => {
  for (let n = 0; n < count; n++) log.warn(event, { n });
};

it("lets so many lines of one event through in a second, and sums up the rest", async () => {
  say(LINES_A_SECOND);
  await clock.advance(1_000);
  expect(lines).toHaveLength(LINES_A_SECOND);
  say(LINES_A_SECOND + 3);
  expect(lines).toHaveLength(2 * LINES_A_SECOND);
  await clock.advance(1_000);
  expect(lines.slice(2 * LINES_A_SECOND)).toEqual(['warn link refused {"more":"3 more in the last second"}']);
});

it("begins anew each second, and has no timer while nothing is said", async () => {
  expect(clock.timers).toBe(0);
  say(LINES_A_SECOND + 1);
  await clock.advance(1_000);
  expect([lines.length, clock.timers]).toEqual([LINES_A_SECOND + 1, 0]);
  say(1);
  expect(lines.at(-1)).toBe('warn link refused {"n":0}');
});

it("counts each event for itself, and each level", () => {
  say(100);
  log.error("link refused");
  log.warn("no link");
  expect(lines.slice(LINES_A_SECOND)).toEqual(["error link refused {}", "warn no link {}"]);
});

it("counts what logs made from it say, together", async () => {
  for (let n = 0; n < LINES_A_SECOND; n++) log.with({ edge: n }).info("edge not reached");
  log.with({ edge: "last" }).info("edge not reached");
  expect(lines.at(-1)).toBe(`info edge not reached {"edge":${LINES_A_SECOND - 1}}`);
  await clock.advance(1_000);
  expect(lines.at(-1)).toBe('info edge not reached {"more":"1 more in the last second"}');
});

it("holds no more than some hundreds of events", async () => {
  for (let n = 0; n < 10_000; n++) log.info(`event ${n}`);
  await clock.advance(1_000);
  expect(lines.length).toBeLessThan(250);
  expect(lines.at(-1)).toMatch(/^info other events .* more in the last second/);
});
